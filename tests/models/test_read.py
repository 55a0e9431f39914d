import io
import itertools
import json
import os
import pathlib
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import PIL.Image
import pytest

from keras_textrec import Reading
from keras_textrec.models.preset_model import compiles_every_shape
from tests.tiny import crnn, draw, make_crnn, png

# Different widths of the network's input: 64, 64, 76 and 148 pixels; one of another height.
TEXTS = ["no", "cat", "walrus", "hippopotamus", "dog"]


@pytest.fixture(scope="module")
def images():
    return [draw(text) for text in TEXTS[:-1]] + [draw(TEXTS[-1], height=61)]


@pytest.fixture(scope="module")
def alone(images):
    """Every image read by itself."""
    readings = [crnn().read(image) for image in images]
    assert len({reading.text for reading in readings}) == len(images), "the tests below need different readings"
    return readings


def test_one_image_gives_a_reading_and_a_list_gives_a_list(images, alone):
    assert isinstance(alone[0], Reading)
    (listed,) = crnn().read([images[0]])
    assert listed.text == alone[0].text
    assert crnn().read([]) == []


@pytest.mark.parametrize("batch_size", [2, 32])
def test_an_image_reads_the_same_among_others(images, alone, batch_size):
    """In the order of the images, whatever their widths."""
    order = [3, 0, 4, 2, 1, 0, 3]
    readings = crnn().read([images[i] for i in order], batch_size)
    assert [reading.text for reading in readings] == [alone[i].text for i in order]
    for reading, i in zip(readings, order, strict=True):
        assert reading.confidence == pytest.approx(alone[i].confidence, abs=1e-4)
        assert [c.text for c in reading.characters] == [c.text for c in alone[i].characters]
        assert [c.left for c in reading.characters] == [c.left for c in alone[i].characters]


def test_characters_stand_in_the_image_in_order(images, alone):
    for image, reading in zip(images, alone, strict=True):
        assert "".join(c.text for c in reading.characters) == reading.text
        edges = [edge for c in reading.characters for edge in (c.left, c.right)]
        assert edges == sorted(edges)
        assert edges[0] >= 0 and edges[-1] <= image.shape[1]
        assert edges[0] < edges[-1]  # this untrained network writes in the padding, too: such letters end at the edge
        assert all(0 < c.confidence <= 1 for c in reading.characters)


def test_positions_are_columns_of_the_given_image(monkeypatch):
    """64 input columns are 16 frames of 4; a 32 x 50 image fills 50 of them, a 16 x 32 one all, at twice the size."""
    model = make_crnn()
    frames = [0, 0, 0, 11, 11, 0, 12, 0, 0, 0, 0, 0, 13, 13, 13, 0]
    monkeypatch.setattr(model, "probabilities", lambda x, valid_ratio: np.eye(37)[[frames] * len(x)])
    readings = model.read([np.zeros((32, 50, 3), "uint8"), np.zeros((16, 32, 3), "uint8")])
    assert [reading.text for reading in readings] == ["abc", "abc"]
    assert [(c.left, c.right) for c in readings[0].characters] == [(5, 15), (15, 34), (34, 50)]
    assert [(c.left, c.right) for c in readings[1].characters] == [(4, 9), (9, 18.5), (18.5, 32)]


def test_every_kind_of_image_reads_the_same(tmp_path, images, alone):
    data = png(images[1])
    path = tmp_path / "word.png"
    path.write_bytes(data)
    kinds = [str(path), path, data, images[1], PIL.Image.open(io.BytesIO(data))]
    assert {reading.text for reading in crnn().read(kinds)} == {alone[1].text}
    for kind in kinds:
        assert crnn().read(kind).text == alone[1].text


def test_a_reading_is_json(alone):
    content = json.loads(json.dumps(alone[1].to_dict()))
    assert set(content) == {"text", "confidence", "characters"}
    assert set(content["characters"][0]) == {"text", "confidence", "left", "right"}


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no image .*lost.png"):
        crnn().read([draw("cat"), tmp_path / "lost.png"])


def test_a_line_that_is_too_long_is_refused():
    with pytest.raises(ValueError, match="2 x 5000 pixels .* too long for a line of text"):
        crnn().read(np.zeros((2, 5000, 3), "uint8"))


def test_a_batch_size_is_a_number_of_images(images):
    for batch_size in (0, -1, 2.5):
        with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1"):
            crnn().read(images, batch_size)


def test_an_array_of_images_or_a_generator(images, alone):
    together = np.stack([images[1], images[1]])
    assert [reading.text for reading in crnn().read(together)] == [alone[1].text] * 2
    assert [reading.text for reading in crnn().read(image for image in images)] == [reading.text for reading in alone]


def test_a_stream_goes_past_what_cannot_be_read(images, alone):
    outcomes = dict(crnn().read_stream(iter([images[0], b"no image", images[1]])))
    assert (outcomes[0].text, outcomes[2].text) == (alone[0].text, alone[1].text)
    assert isinstance(outcomes[1], ValueError)


def test_reading_within_what_is_known(images, alone):
    """Whatever the order in which images of several widths are read, each has its own lexicon."""
    readings = crnn().read(images, pattern="[a-f]{2}[0-9]")
    assert all(re.fullmatch("[a-f]{2}[0-9]", reading.text) for reading in readings)
    assert all(set(reading.text) <= set("xyz") for reading in crnn().read(images, allow="x-z"))
    lexica = [["other", text[:-1], text + "x"] for text in TEXTS]
    readings = crnn().read(images, 2, lexicon=lexica)
    assert all(reading.text in words for reading, words in zip(readings, lexica, strict=True))
    assert [reading.text for reading in crnn().read(images, lexicon=[[one.text, "q"] for one in alone])] == [
        one.text for one in alone
    ]
    named = crnn().read(images[0], alternatives=3)
    assert named.alternatives[0].text == named.text
    assert 0 < sum(other.probability for other in named.alternatives) <= 1
    assert crnn().read(images[0], allow=None, pattern=None) == alone[0]
    with pytest.raises(ValueError, match="There are more images than the lexicon has lists of words"):
        crnn().read(images, lexicon=[["a"]])
    with pytest.raises(ValueError, match="The lexicon has 2 lists of words for 1 image; give one list for all"):
        crnn().read(images[0], lexicon=[["a"], ["b"]])
    endless = itertools.cycle([["a"], ["b"]])
    assert [reading.text for reading in crnn().read(images[:3], lexicon=endless)] == ["a", "b", "a"]


def test_texts_within_what_is_known_are_those_of_every_backend(images):
    """Of images on the least canvas, which is the same on all of them."""
    same = [images[0], images[1], images[4]]

    def texts(**known):
        return [reading.text for reading in crnn().read(same, **known)]

    assert texts(allow="a-f") == ["fec", "ffefeae", "fefea"]
    assert texts(pattern="[a-f]{2}[0-9]") == ["bf4", "ab7", "bf6"]
    assert texts(lexicon=["bc4", "ab7", "bf6", "eb1"]) == ["bc4", "ab7", "bf6"]


@pytest.mark.one_backend
@pytest.mark.parametrize("known", [{}, {"allow": "a-f"}, {"lexicon": ["ab", "horse", "x7"]}])
def test_the_best_of_several_orientations(images, known):
    lexica = known.get("lexicon")
    each = {"lexicon": iter([lexica] * len(images))} if lexica else known  # one for each image, as they come
    found = crnn().read(iter(images), 2, orientations=(180, 0, 90), **each)
    for image, reading in zip(images, found, strict=True):
        alone = {turn: crnn().read(np.rot90(image, turn // 90), **known) for turn in (180, 0, 90)}
        sure = {turn: one.confidence * (1 - 1 / (1 + len(one.characters))) for turn, one in alone.items()}
        turn = max(sure, key=sure.get)
        assert (reading.text, reading.orientation) == (alone[turn].text, turn)
        assert reading.confidence == pytest.approx(alone[turn].confidence, abs=1e-4)


@pytest.mark.one_backend
def test_a_model_has_orientations_of_its_own(images):
    model = make_crnn()
    assert model.orientations is None
    asked, given = model.read(images, orientations=(180, 0, 90)), model.read(images)
    model.about = {"orientations": [180, 0, 90]}
    turned = model.read(images)
    assert [one.text for one in turned] == [one.text for one in asked] != [one.text for one in given]
    assert [one.orientation or 0 for one in turned] == [one.orientation for one in asked]
    assert [one.text for one in model.read(images, orientations=(0,))] == [one.text for one in given]


def test_threads_share_a_model(images, alone):
    """Four at a time, from the first reading on, and it reads afterwards."""
    model = make_crnn()
    with ThreadPoolExecutor(4) as pool:
        read = list(pool.map(model.read, images * 4))
    assert [reading.text for reading in read] == [reading.text for reading in alone] * 4
    assert model.read(images[0]).text == alone[0].text


def test_compiled_graphs_have_few_widths(monkeypatch):
    """Where every width is compiled; elsewhere every image has its own, for padding is not quite without effect."""
    model, widths = make_crnn(), set()

    def probabilities(x, valid_ratio):
        widths.add(x.shape[2])
        return np.zeros((len(x), 4, 37))

    monkeypatch.setattr(model, "probabilities", probabilities)
    shapes = list(range(20, 3200, 40))
    model.read([np.zeros((32, width, 3), "uint8") for width in shapes])
    if compiles_every_shape():
        assert len(widths) <= 25
    else:
        assert widths == {model.converter.canvas_width((32, width)) for width in shapes}


FORKED = """
import os, time
from tests.tiny import draw, make_crnn
model = make_crnn()
config = model.get_config()

def fork():
    child = os.fork()
    if not child:
        for use in (lambda: model.read(draw("cat")), lambda: type(model).from_config(config)):
            try:
                use()
            except RuntimeError as error:
                print(error, flush=True)
        os._exit(0)
    for _ in range(600):
        if os.waitpid(child, os.WNOHANG)[0]:
            return
        time.sleep(0.1)
    os.kill(child, 9)
    print("the child hangs")

fork()
model.read(draw("cat"))
fork()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_refuses_at_once():
    """With the parent's model and with one of its own: every backend would wait for threads that are not there.

    The first is forked from a parent whose model is built, the second from one that has read.
    """
    root = pathlib.Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", FORKED], cwd=root, capture_output=True, text=True, timeout=300, check=True
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 4, done.stdout + done.stderr
    assert all("forked from one that has a model" in line and "'spawn'" in line for line in lines)
