"""HTTP servers on the loopback interface: a publisher's files, and what huggingface_hub needs of the Hub."""

import base64
import contextlib
import hashlib
import http.server
import json
import re
import threading
import time
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit


class Server(http.server.ThreadingHTTPServer):
    """Answers by `answer_METHOD(request, path)` of a subclass; `log` has a line for every request."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Request)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.log: list[str] = []

    def handle_error(self, request, client_address):
        """Silence where a client hangs up."""


class _Request(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20

    def _answer(self):
        path = unquote(urlsplit(self.path).path)
        wanted = self.headers["Range"]
        self.server.log.append(f"{self.command} {path}" + (f" {wanted}" if wanted else ""))
        self.body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        getattr(self.server, f"answer_{self.command}")(self, path)

    do_GET = do_HEAD = do_POST = do_PUT = _answer

    def send(self, status: int, body: bytes = b"", **headers: object) -> None:
        """A whole answer; headers by their names with _ for -."""
        self.send_response(status)
        for name, value in {"Content_Length": len(body), **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_json(self, content: object, status: int = 200) -> None:
        self.send(status, json.dumps(content).encode(), Content_Type="application/json")

    def log_message(self, *arguments):
        """Nothing on standard error."""


@contextlib.contextmanager
def serving(server: Server) -> Iterator[Server]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class FileServer(Server):
    """Serves `files` (path -> bytes) with ranges. Each of `faults` goes to one request:

    a number of bytes after which the connection breaks; ("status", code); ("redirect", path); ("length", a wrong one);
    ("slow", seconds before the second half); ("whole", None), which ignores a range; ("other", None), which gives what
    the range asks of another version of the file.
    """

    def __init__(self, files: dict[str, bytes], etags: bool = True):
        super().__init__()
        self.files, self.etags = files, etags
        self.faults: list = []

    def answer_GET(self, request, path):
        fault = self.faults.pop(0) if self.faults else None
        kind, value = fault if isinstance(fault, tuple) else ("break", fault)
        if kind == "status":
            return request.send(value)
        if kind == "redirect":
            return request.send(302, Location=value)
        if path not in self.files:
            return request.send(404)
        content = self.files[path]
        tag = f'"{hashlib.md5(content).hexdigest()}"'
        headers = {"ETag": '"another"' if kind == "other" else tag} if self.etags else {}
        status, start = 200, 0
        wanted = re.fullmatch(r"bytes=(\d+)-", request.headers["Range"] or "")
        if wanted and (kind == "other" or request.headers["If-Range"] == tag) and kind != "whole":
            start = int(wanted[1])
            if start >= len(content):
                return request.send(416, Content_Range=f"bytes */{len(content)}")
            status, headers["Content-Range"] = 206, f"bytes {start}-{len(content) - 1}/{len(content)}"
        request.send_response(status)
        part = content[start:]
        length = value if kind == "length" else len(part)
        for name, header in {**headers, "Content-Length": length}.items():
            request.send_header(name, str(header))
        request.end_headers()
        if kind == "slow":
            request.wfile.write(part[: len(part) // 2])
            time.sleep(value)
            part = part[len(part) // 2 :]
        request.wfile.write(part[:value] if kind == "break" else part)
        if fault is not None:
            request.close_connection = True


class HubServer(Server):
    """The part of the Hub's protocol by which huggingface_hub makes model repositories, commits to them (small files in
    the commit, others through the LFS batch API), lists and downloads them, each at any of its revisions."""

    def __init__(self):
        super().__init__()
        self.commits: dict[str, dict[str, dict[str, bytes]]] = {}  # repository -> commit, oldest first -> path -> bytes
        self.refs: dict[str, dict[str, str]] = {}  # repository -> branch or tag -> commit
        self.private: set[str] = set()
        self.objects: dict[str, bytes] = {}  # LFS: SHA-256 -> bytes
        self.refused = False  # as without a valid token

    def commit(self, repository: str, files: dict[str, bytes]) -> str:
        """A new state of the main branch; gives the commit's hash."""
        commit = hashlib.sha1(repr((repository, len(self.commits[repository]), sorted(files))).encode()).hexdigest()
        self.commits[repository][commit] = files
        self.refs[repository]["main"] = commit
        return commit

    def answer_POST(self, request, path):
        if self.refused:
            return request.send_json({"error": "Invalid username or password."}, 401)
        content = request.body if path.count("/commit/") else json.loads(request.body)
        if path == "/api/repos/create":
            repository = f"{content['organization']}/{content['name']}"
            if repository in self.commits:
                return request.send_json({"error": "You already created it", "url": f"{self.url}/{repository}"}, 409)
            self.commits[repository], self.refs[repository] = {}, {}
            self.commit(repository, {".gitattributes": b"*.h5 filter=lfs diff=lfs merge=lfs -text\n"})
            if content.get("private") or content.get("visibility") == "private":
                self.private.add(repository)
            return request.send_json({"url": f"{self.url}/{repository}"})
        if path == "/api/validate-yaml":
            bad = not content["content"].startswith("---\n")
            return request.send_json({"errors": [{"message": "no metadata"}] if bad else []}, 400 if bad else 200)
        if match := re.fullmatch(r"/(.+)\.git/info/lfs/objects/batch", path):
            objects = [
                {"oid": o["oid"], "size": o["size"]}
                | ({} if o["oid"] in self.objects else {"actions": {"upload": {"href": f"{self.url}/lfs/{o['oid']}"}}})
                for o in content["objects"]
            ]
            return request.send_json({"transfer": "basic", "objects": objects})
        if match := re.fullmatch(r"/api/models/(.+)/preupload/(.+)", path):
            modes = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(".h5") else "regular",
                    "shouldIgnore": False,
                }
                for file in content["files"]
            ]
            return request.send_json({"files": modes})
        if match := re.fullmatch(r"/api/models/(.+)/commit/main", path):
            files = dict(self._files(match[1], "main"))
            for line in map(json.loads, content.splitlines()):
                value = line["value"]
                if line["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif line["key"] == "lfsFile":
                    files[value["path"]] = self.objects[value["oid"]]
            commit = self.commit(match[1], files)
            return request.send_json({"commitUrl": f"{self.url}/{match[1]}/commit/{commit}", "commitOid": commit})
        request.send(404)

    def answer_PUT(self, request, path):
        oid = path.removeprefix("/lfs/")
        sound = hashlib.sha256(request.body).hexdigest() == oid
        if sound:
            self.objects[oid] = request.body
        request.send(200 if sound else 400)

    def answer_GET(self, request, path):
        if path.startswith("/lfs/"):
            return request.send(200, self.objects[path.removeprefix("/lfs/")])
        match = re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree)/(.+))?", path)
        match = match or re.fullmatch(r"/([^/]+/[^/]+)/(resolve)/([^/]+)/(.+)", path)
        repository = match and match[1]
        if repository not in self.commits:
            return request.send(401, X_Error_Code="RepoNotFound")
        commit = self._commit(repository, match[3] or "main")
        if commit is None:
            return request.send(404, X_Error_Code="RevisionNotFound")
        files = self.commits[repository][commit]
        if match[2] == "resolve":
            return self._resolve(request, commit, files, match[4])
        if match[2] == "tree":
            return request.send_json([_tree_entry(name, content) for name, content in files.items()])
        request.send_json({"id": repository, "sha": commit, "siblings": [{"rfilename": name} for name in files]})

    answer_HEAD = answer_GET

    def _resolve(self, request, commit, files, name):
        if name not in files:
            return request.send(404, X_Error_Code="EntryNotFound", X_Repo_Commit=commit)
        entry = _tree_entry(name, files[name])
        headers = {"X_Repo_Commit": commit, "ETag": f'"{entry["oid"]}"'}
        if "lfs" in entry:
            oid = entry["lfs"]["oid"]
            self.objects[oid] = files[name]
            headers |= {"X_Linked_ETag": f'"{oid}"', "X_Linked_Size": len(files[name])}
            # The contents lie on another host, as the Hub's do.
            return request.send(302, Location=f"http://localhost:{self.server_port}/lfs/{oid}", **headers)
        request.send(200, files[name], **headers)

    def _commit(self, repository, revision):
        if revision in self.commits[repository]:
            return revision
        return self.refs[repository].get(revision)

    def _files(self, repository, revision):
        return self.commits[repository][self._commit(repository, revision)]


def _tree_entry(name: str, content: bytes) -> dict:
    entry = {"type": "file", "path": name, "size": len(content), "oid": _git_hash(content)}
    if name.endswith(".h5"):
        oid = hashlib.sha256(content).hexdigest()
        entry["lfs"] = {"oid": oid, "size": len(content), "pointerSize": 134}
    return entry


def _git_hash(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
