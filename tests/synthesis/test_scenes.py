import pickle

import cv2
import numpy as np
import pytest

from keras_textrec import synthesis
from keras_textrec.data import open_region_source
from keras_textrec.synthesis.scenes import SceneRenderer, SceneSource

pytestmark = pytest.mark.once

SMALL = {"width": 160, "height": 128, "groups": [1, 3]}


@pytest.fixture(scope="module")
def source(fonts):
    return SceneSource(fonts=fonts, words=["Hotel", "street", "open"], count=9, scene=SMALL)


def test_a_scene_depends_on_its_number_alone(source):
    one, other = source[3], pickle.loads(pickle.dumps(source))[3]
    assert one[0] == other[0] and [region.text for region in one[1]] == [region.text for region in other[1]]
    assert source.key(3) == "rendered scenes: scene 3"
    scene = source.renderer.render(3)
    assert scene.image.shape == (128, 160, 3) and scene.image.dtype == np.uint8


def test_polygons_are_around_the_ink(fonts):
    """In clean scenes without anything else, all that is not of the ground's colour lies in polygons."""
    clean = {**SMALL, "signs": 0.0, "things": [0, 0], "size": [20, 20]}
    camera = {"lens": {"kinds": {"soft": 0, "sharpened": 0, "sharp": 1}}}
    renderer = SceneRenderer(fonts=fonts, words=["Hotel", "street"], difficulty=0.0, scene=clean, camera=camera)
    seen = 0
    for number in range(4):
        image, regions = renderer.render(number)
        inside = np.zeros(image.shape[:2], np.uint8)
        cv2.fillPoly(inside, [np.round(region.polygon).astype(np.int32) for region in regions], 1)
        ground = np.median(image[inside == 0], axis=0)
        ink = np.abs(image.astype(int) - ground).max(-1) > 40
        assert not ink[cv2.dilate(inside, np.ones((3, 3), np.uint8)) == 0].any()
        for region in regions:
            own = np.zeros(image.shape[:2], np.uint8)
            cv2.fillPoly(own, [np.round(region.polygon).astype(np.int32)], 1)
            assert ink[own == 1].mean() > 0.05
            seen += 1
    assert seen >= 4


def test_words_do_not_overlap(source):
    for _, regions in (source[index] for index in range(len(source))):
        for place, region in enumerate(regions):
            for other in regions[:place]:
                common = cv2.intersectConvexConvex(region.polygon, other.polygon)[0]
                assert common < 0.2 * min(map(cv2.contourArea, (region.polygon, other.polygon)))


def test_a_configuration_is_opened_as_scenes_for_detectors(tmp_path, fonts, monkeypatch):
    monkeypatch.setattr(synthesis.render, "find_fonts", lambda *arguments: fonts)
    path = tmp_path / "scenes.yaml"
    (tmp_path / "words.txt").write_text("Hotel\nstreet\n", "utf-8")
    path.write_text(f"count: 5\nscene: {{width: 96, height: 64}}\ntext: {{words: {tmp_path}/words.txt}}\n", "utf-8")
    source = open_region_source(path)
    assert len(source) == 5 and source.renderer.render(0).image.shape == (64, 96, 3)
    path.write_text("scene: {widht: 96}\n", "utf-8")
    with pytest.raises(ValueError, match="scene.widht is no key"):
        open_region_source(path)
