"""Programs that tests start, and a browser that they steer."""

import base64
import contextlib
import functools
import http.server
import json
import pathlib
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"


def run(*command: object, timeout: float = 300) -> subprocess.CompletedProcess:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=timeout)


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serve(folder: pathlib.Path) -> Iterator[str]:
    """Serves a folder on this machine; gives its address."""
    handler = functools.partial(_Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Browser:
    """A page in headless Chromium, by the W3C's WebDriver protocol."""

    def __init__(self, driver: str, switches: list[str]):
        self._driver = driver
        options = {"args": ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", *switches]}
        capabilities = {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}
        session = self._ask("POST", "/session", capabilities=capabilities)["sessionId"]
        self._driver = f"{driver}/session/{session}"

    def _ask(self, method: str, path: str, **values: Any) -> Any:
        data = json.dumps(values).encode() if method == "POST" else None
        request = urllib.request.Request(self._driver + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)["value"]

    def _element(self, selector: str) -> str:
        (element,) = self._ask("POST", "/element", using="css selector", value=selector).values()
        return f"/element/{element}"

    def open(self, address: str) -> None:
        self._ask("POST", "/url", url=address)

    def run(self, script: str) -> Any:
        """What a script returns."""
        return self._ask("POST", "/execute/sync", script=script, args=[])

    def wait_for(self, condition: str, seconds: float = 120) -> None:
        """Until an expression is true."""
        end = time.monotonic() + seconds
        while not self.run(f"return Boolean({condition})"):
            assert time.monotonic() < end, f"{condition} did not come true; the page says {self.text('body')!r}"
            time.sleep(0.05)

    def text(self, selector: str) -> str:
        return self._ask("GET", self._element(selector) + "/text")

    def click(self, selector: str) -> None:
        self._ask("POST", self._element(selector) + "/click")

    def choose(self, selector: str, file: pathlib.Path) -> None:
        self._ask("POST", self._element(selector) + "/value", text=str(file))

    def drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """The mouse, from one point of the window to another."""
        moves = [{"type": "pointerMove", "duration": 50, "x": x, "y": y} for x, y in (start, end)]
        steps = [moves[0], {"type": "pointerDown", "button": 0}, moves[1], {"type": "pointerUp", "button": 0}]
        self._ask("POST", "/actions", actions=[{"type": "pointer", "id": "mouse", "actions": steps}])

    def errors(self) -> list[str]:
        """What the page wrote into its log since the last call: scripts that failed, files that were not found."""
        return [entry["message"] for entry in self._ask("POST", "/se/log", type="browser")]

    def screenshot(self) -> bytes:
        """A PNG file."""
        return base64.b64decode(self._ask("GET", "/screenshot"))

    def close(self) -> None:
        self._ask("DELETE", "")


@contextlib.contextmanager
def browse(*switches: str) -> Iterator[Browser]:
    """Starts a browser with such switches."""
    with subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True) as process:
        try:
            line = next(line for line in process.stdout if "started successfully on port" in line)
            port = line.strip(".\n").rpartition(" ")[2]
            browser = Browser(f"http://127.0.0.1:{port}", list(switches))
            try:
                yield browser
            finally:
                browser.close()
        finally:
            process.terminate()
