import cv2
import keras
import numpy as np
import pytest

from keras_textrec.backbones.repsvtr import RepSVTRBackbone
from keras_textrec.images import PhotoConverter
from keras_textrec.images.crops import crop_word
from keras_textrec.models.preset_model import default_jit
from keras_textrec.models.text_detector import RepSVTRDetector
from keras_textrec.models.text_recognizer import TextRecognizer
from keras_textrec.models.text_spotter import TextSpotter
from keras_textrec.presets import build
from keras_textrec.presets.description import dtype_policy
from keras_textrec.training.recipes import Recipe
from keras_textrec.zoo import describe
from tests.tiny import crnn

BLOCKS = ((16, False, 1, 1), (16, True, 2, 2), (16, False, 2, 2), (16, False, 2, 2))


def make_detector(**options) -> RepSVTRDetector:
    keras.utils.set_random_seed(0)
    return RepSVTRDetector(RepSVTRBackbone(BLOCKS, pyramid=(1, 2, 3, 4)), neck_channels=16, **options)


@pytest.fixture(scope="module")
def detector():
    return make_detector(converter=PhotoConverter(64), unclip_ratio=2.0)


def photo(height=70, width=100):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), "uint8")


def pixels(rows=2):
    return np.random.default_rng(0).normal(size=(rows, 64, 96, 3)).astype("float32")


# === The model ===


def test_detect_gives_pixels_of_the_given_image(detector, monkeypatch, tmp_path):
    image = photo(128, 192)
    seen = []
    probabilities = np.zeros((64, 96), "float32")
    probabilities[30:41, 20:61] = 0.9
    monkeypatch.setattr(detector, "probability_map", lambda x: seen.append(x) or probabilities)
    cv2.imwrite(str(tmp_path / "photo.png"), image[..., ::-1])
    (found,) = detector.detect(tmp_path / "photo.png")
    np.testing.assert_array_equal(seen[0], image)
    grown = [(24, 44), (136, 44), (136, 96), (24, 96)]  # the unclip ratio of this detector is 2: by 8 cells each
    np.testing.assert_allclose(found.polygon, grown, atol=1e-3)
    with pytest.raises(FileNotFoundError, match="lost.png"):
        detector.detect(tmp_path / "lost.png")


def test_a_spotter_reads_what_it_detects(detector, monkeypatch):
    probabilities = np.zeros((64, 96), "float32")
    probabilities[20:27, 50:71] = probabilities[20:27, 20:41] = probabilities[44:51, 30:61] = 0.9
    monkeypatch.setattr(detector, "probability_map", lambda x: probabilities)
    image = photo(128, 192)
    spotted = TextSpotter(detector, crnn(), min_confidence=0.0).read(image)
    centers = [tuple(np.round(word.polygon.mean(0))) for word in spotted]
    assert centers == [(60, 46), (120, 46), (90, 94)]
    assert [word.text for word in spotted] == [crnn().read(crop_word(image, word.polygon)).text for word in spotted]


@pytest.mark.builds
def test_probability_map(detector):
    probabilities = detector.probability_map(photo())
    assert (probabilities.shape, probabilities.dtype) == ((32, 64), np.float32)  # 44.8 and 64 rows and columns
    assert 0 < probabilities.min() < probabilities.max() < 1
    assert isinstance(detector.detect(photo()), list)


def test_training_maps(detector):
    maps = detector.predict_on_batch(pixels())
    assert maps.shape == (2, 64, 96, 3)
    probability, threshold, binary = np.moveaxis(maps, -1, 0)
    np.testing.assert_allclose(binary, 1 / (1 + np.exp(-50.0 * (probability - threshold))), atol=1e-4)
    np.testing.assert_allclose(detector.reader.predict_on_batch(pixels())[..., 0], probability, atol=1e-5)


def test_configuration_and_file_round_trip(detector, tmp_path):
    again = RepSVTRDetector.from_config(detector.get_config())
    assert again.get_config() == detector.get_config()
    assert [w.shape for w in again.weights] == [w.shape for w in detector.weights]
    detector.save(tmp_path / "detector.keras")
    loaded = keras.saving.load_model(tmp_path / "detector.keras")
    assert (loaded.converter.longest_side, loaded.unclip_ratio) == (64, 2.0)
    np.testing.assert_array_equal(loaded.probability_map(photo()), detector.probability_map(photo()))


def test_a_detector_is_a_preset(detector, tmp_path):
    detector.about = {"license": "Apache-2.0"}
    detector.save_to_preset(tmp_path / "preset")
    again = RepSVTRDetector.from_preset(tmp_path / "preset")
    for ours, wanted in zip(again.get_weights(), detector.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, wanted)
    assert again.about == detector.about
    with pytest.raises(ValueError, match="is a RepSVTRDetector, not a TextRecognizer"):
        TextRecognizer.from_preset(tmp_path / "preset")


def test_fuse(detector):
    detector.about, detector.recipe = {"license": "Apache-2.0"}, Recipe(batch_size=3)
    fused = detector.fuse()
    assert fused.about == {"license": "Apache-2.0"} and fused.recipe.batch_size == 3
    assert fused.count_params() < detector.count_params()
    assert fused.converter.longest_side == 64
    np.testing.assert_allclose(fused.probability_map(photo()), detector.probability_map(photo()), atol=1e-5)
    with pytest.raises(ValueError, match="fused already"):
        fused.fuse()


def test_mixed_precision_keeps_the_maps_in_float32():
    with dtype_policy("mixed_bfloat16"):
        model = make_detector()
    assert model.get_layer("neck").compute_dtype == "bfloat16"
    assert model.output.dtype == model.reader.output.dtype == "float32"
    assert {v.dtype for v in model.weights} == {"float32"}
    assert np.isfinite(model.predict_on_batch(pixels(1))).all()


@pytest.mark.slow
def test_it_fits_as_any_keras_model():
    model = make_detector()
    model.compile("adam", "mse", jit_compile=default_jit())
    before = [keras.ops.convert_to_numpy(v).copy() for v in model.trainable_variables]
    for _ in range(2):  # the blocks' last scales start as zeros, and nothing before them learns in the first step
        assert np.isfinite(model.train_on_batch(pixels(), np.zeros((2, 64, 96, 3), "float32")))
    changed = [not np.array_equal(a, keras.ops.convert_to_numpy(b)) for a, b in zip(before, model.trainable_variables)]
    assert sum(changed) > 0.9 * len(changed)


def test_what_it_refuses():
    with pytest.raises(ValueError, match="repsvtr_backbone makes 1 maps, and four are needed"):
        RepSVTRDetector(RepSVTRBackbone(BLOCKS))
    with pytest.raises(ValueError, match="the converter's multiple must be one of 32, not 16"):
        make_detector(converter=PhotoConverter(multiple=16))
    old = describe("repsvtr_det")
    old["model"] = {"class": "RepSVTRDetector", "longest_side": 960}  # as folders before PhotoConverter had it
    with pytest.raises(ValueError, match="RepSVTRDetector has no argument 'longest_side'"):
        build(old)


def test_the_preset_has_the_published_input():
    """That of the network without arguments, which tests/parity holds to the published one."""
    described = build(describe("repsvtr_det")).converter.get_config()
    assert described == RepSVTRDetector().converter.get_config()
