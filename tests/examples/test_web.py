"""examples/web: the page in a headless browser, asked for what the model reads."""

import pathlib
import shutil

import cv2
import numpy as np
import pytest

from tests.examples.programs import EXAMPLES, Browser, browse, run, serve

pytestmark = pytest.mark.one_backend

# Where a word is on a photograph of 640 x 480 pixels, which the browser's camera shows: left, top, right, bottom.
PLACE = (110, 192, 530, 288)


@pytest.fixture(scope="module")
def site(exported, tmp_path_factory) -> pathlib.Path:
    """The page with ONNX Runtime Web and a model."""
    for tool in ("npm", "chromedriver"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    folder = tmp_path_factory.mktemp("web")
    for file in (EXAMPLES / "web").iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    installed = run("npm", "install", "--ignore-scripts", "--prefix", folder)
    if installed.returncode:
        pytest.skip(f"npm has no onnxruntime-web here: {installed.stderr.strip().splitlines()[-1]}")
    shutil.copy(exported, folder / "model.onnx")
    return folder


@pytest.fixture(scope="module")
def photo(words) -> tuple[np.ndarray, str]:
    """A photograph with a word, uint8 (H, W, 3), BGR; and the word."""
    left, top, right, bottom = PLACE
    path, reading = list(words.items())[2]
    image = np.full((480, 640, 3), 90, "uint8")
    image[top:bottom, left:right] = cv2.resize(cv2.imread(str(path)), (right - left, bottom - top))
    return image, reading.text


@pytest.fixture(scope="module")
def page(site, photo, tmp_path_factory) -> Browser:
    """The page, which has loaded the model."""
    film = tmp_path_factory.mktemp("camera") / "film.mjpeg"
    film.write_bytes(cv2.imencode(".jpg", photo[0])[1].tobytes())
    camera = (f"--use-file-for-fake-video-capture={film}", "--use-fake-device-for-media-stream")
    with serve(site) as address, browse("--window-size=1000,900", "--use-fake-ui-for-media-stream", *camera) as page:
        page.open(address)
        page.wait_for("selftest.textContent || error.textContent")
        yield page


def shown(page: Browser) -> list[tuple[str, float]]:
    """The words that the page lists, and their confidences."""
    rows = [row.rsplit(" ", 2) for row in page.text("#words").splitlines()]
    return [(text, float(number) / 100) for text, number, _ in rows]


def test_selftest(page, model):
    assert page.errors() == []
    assert page.text("#selftest").startswith("Self-test passed: ")
    assert f"CRNN crnn_small_en, {len(model.tokenizer.charset)} characters" in page.text("#model")


def test_it_reads_what_the_model_reads(page, words):
    for path, reading in words.items():
        page.run("words.replaceChildren()")
        page.choose("#image-file", path)
        page.wait_for("words.children.length")
        assert shown(page) == [(reading.text, pytest.approx(reading.confidence, abs=2e-3))]
    assert page.errors() == []


def test_tall_words_are_turned_as_by_the_model(page, turned, digit):
    for path, text in {**{path: reading.text for path, reading in turned.items()}, digit: "2"}.items():
        page.choose("#image-file", path)
        page.wait_for("!words.children.length")  # one that is not shaped as a line is not read as one word
        edges = page.run("const {x, y, right, bottom} = canvas.getBoundingClientRect(); return [x, y, right, bottom]")
        page.drag(*[tuple(round(edge + inwards) for edge in edges[i : i + 2]) for i, inwards in ((0, 34), (2, -34))])
        page.wait_for("words.children.length")
        assert [word for word, _ in shown(page)] == [text]
    assert page.errors() == []


def test_a_box_on_a_photograph(page, photo, tmp_path):
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), photo[0])
    page.choose("#image-file", path)
    page.wait_for("!words.children.length")  # a photograph is not read as one word
    x, y, width = page.run("const {x, y, width} = canvas.getBoundingClientRect(); return [x, y, width]")
    margin = 34
    scale = (width - 2 * margin) / 640
    corners = [(round(x + margin + scale * PLACE[i]), round(y + margin + scale * PLACE[i + 1])) for i in (0, 2)]
    page.drag(*corners)
    page.wait_for("words.children.length")
    assert [text for text, _ in shown(page)] == [photo[1]]


def test_the_camera(page, photo):
    page.run("words.replaceChildren()")
    page.click("#camera")
    page.wait_for("words.children.length")
    assert [text for text, _ in shown(page)] == [photo[1]]
    page.click("#camera")
    page.wait_for("camera.textContent == 'Use the camera'")
    assert page.errors() == []


def test_what_it_cannot_read_gets_one_sentence(page, foreign, newer, tmp_path):
    broken = tmp_path / "broken.onnx"
    broken.write_text("no network")
    picture = tmp_path / "broken.png"
    picture.write_text("no picture")
    for chooser, file, sentence in [
        ("#model-file", foreign, "foreign.onnx is not an export of keras_textrec."),
        ("#model-file", newer, "newer.onnx was exported by keras_textrec 9.0, which is newer than this page."),
        ("#model-file", broken, "broken.onnx is not an export of keras_textrec."),
        ("#image-file", picture, "broken.png is not an image that this browser can open."),
    ]:
        page.run("error.textContent = ''")
        page.choose(chooser, file)
        page.wait_for("error.textContent")
        assert page.text("#error") == sentence


def test_without_a_model(page, site, words):
    (site / "model.onnx").rename(site / "other.onnx")
    page.run("location.reload()")
    page.wait_for("document.readyState == 'complete' && error.textContent")
    assert page.text("#error").startswith("There is no model.onnx beside this page")
    page.choose("#model-file", site / "other.onnx")
    page.wait_for("selftest.textContent")
    assert page.text("#model").startswith("other.onnx: ")
    (site / "other.onnx").rename(site / "model.onnx")
