import functools
import json

import keras
import numpy as np
import pytest

from keras_textrec.images import ImageConverter

pytestmark = pytest.mark.once

# The published operators by the names of the fixtures.
bgr = functools.partial(ImageConverter, channel_order="BGR")
PUBLISHED = {
    "rec32": bgr(32, 100, "pad"),
    "rec32_nopad": bgr(32, 100, "stretch"),
    "rec32_infer": bgr(32, 100, "widen"),
    "svtr48": bgr(48, 320, "pad"),
    "svtr48_infer": bgr(48, 320, "widen"),
    "rs": bgr(48, 160, "pad", pad_value=-1.0, round_width_to=4, minimum_width=48),
    "multi_32": bgr(32, 320, "pad"),
    "multi_48": bgr(48, 320, "pad"),
    "multi_64": bgr(64, 320, "pad"),
}
SIZES = [(32, 100), (48, 48), (20, 300), (64, 33), (31, 97), (100, 20), (37, 412)]


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype="uint8")


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("number", range(len(SIZES)))
def test_published_preprocessing(parts, rule, name, number):
    expected, arrays = parts
    facts = expected["pre"][f"pre.{number}.{name}"]
    image = rule.synth_images(1, *SIZES[number], 7000 + number)[0][..., ::-1]
    converter = PUBLISHED[name]
    x = converter([np.ascontiguousarray(image)])[0].transpose(2, 0, 1)
    assert list(x.shape) == facts["out_shape"]
    assert converter.valid_ratio(image.shape) == pytest.approx(facts["valid_ratio"], abs=1e-9)
    assert x.mean() == pytest.approx(facts["mean"], abs=1e-5)
    assert x.std() == pytest.approx(facts["std"], abs=1e-5)
    if f"pre.{number}.{name}.sub" in arrays:
        np.testing.assert_array_equal(x.ravel()[:: facts["stride"]], arrays[f"pre.{number}.{name}.sub"])


@pytest.mark.parametrize("height,width", [(32, 100), (48, 60)])
def test_published_resize(parts, rule, height, width):
    image = rule.synth_images(1, 31, 97, 7004)[0]
    canvas = np.zeros((height, width, 3), "uint8")
    ImageConverter(height, width, "stretch").fit(image, canvas)
    np.testing.assert_array_equal(canvas, parts[1][f"pre.cv2resize.31x97_to_{height}x{width}"])


def test_normalisation_is_per_channel_in_the_channel_order():
    image = noise(8, 16)
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
    for order, channels in (("RGB", image), ("BGR", image[..., ::-1])):
        x = ImageConverter(8, 16, "stretch", channel_order=order, mean=mean, std=std)([image])[0]
        np.testing.assert_allclose(x, (channels / 255 - np.array(mean)) / np.array(std), atol=1e-6)
    assert ImageConverter(8, 16).channel_order == "RGB"


def test_padding_has_its_value_and_the_image_is_left_alone():
    image = noise(16, 16)
    before = image.copy()
    x = ImageConverter(16, 40, "pad", pad_value=-0.25)([image])[0]
    assert (x[:, 16:] == -0.25).all() and not (x[:, :16] == -0.25).all()
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("multiple", [1, 8, 32])
@pytest.mark.parametrize("options", [{"resize": "widen"}, {"resize": "fit", "minimum_width": 24}])
def test_an_image_of_a_width_group_is_what_it_is_alone(multiple, options):
    converter = ImageConverter(32, 100, width_multiple=multiple, **options)
    rng = np.random.default_rng(1)
    images = [noise(rng.integers(10, 60), rng.integers(10, 400), seed) for seed in range(60)]
    groups = {}
    for image in images:
        groups.setdefault(converter.canvas_width(image.shape), []).append(image)
    assert len(groups) > 1 and max(map(len, groups.values())) > 1
    for width, group in groups.items():
        assert width % multiple == 0
        for image, row in zip(group, converter(group)):
            np.testing.assert_array_equal(converter([image])[0], row)


def test_a_wide_image_keeps_its_ratio_only_under_widen():
    shape = (20, 300, 3)
    assert ImageConverter(32, 100, "widen").canvas_width(shape) == 480
    assert ImageConverter(32, 100, "pad").canvas_width(shape) == 100
    assert ImageConverter(32, 100, "stretch").canvas_width(shape) == 100


def test_a_canvas_that_fits_is_as_wide_as_the_image():
    """What "widen" pads on its right, "fit" leaves out; the least width, the multiple and long images stay."""
    options = {"minimum_width": 64, "width_multiple": 4, "pad_value": -0.25}
    wide, fit = (ImageConverter(32, 100, policy, **options) for policy in ("widen", "fit"))
    for (height, width), canvas in {(32, 80): 80, (32, 70): 72, (32, 20): 64, (60, 20): 64, (20, 300): 480}.items():
        image = noise(height, width)
        x = fit([image])
        assert x.shape == (1, 32, canvas, 3)
        np.testing.assert_array_equal(x, wide([image])[:, :, :canvas])
        filled = fit.resized_width(image.shape, canvas)
        assert (x[:, :, filled:] == -0.25).all() and fit.valid_ratio(image.shape) == filled / canvas
    assert fit.canvas_widths(2.0)[:3] == [64, 128, 256]
    with pytest.raises(ValueError, match="needs a minimum_width"):
        ImageConverter(32, 100, "fit")


def test_an_upright_line_is_turned():
    """From top to bottom becomes from left to right, and all that is said of the image is said of the turned one."""
    converter, plain = ImageConverter(32, 100, "widen", turn_above=2.0), ImageConverter(32, 100, "widen")
    upright = noise(300, 20)
    turned = np.rot90(upright)  # counterclockwise
    assert converter.upright(upright.shape) == turned.shape[:2] == (20, 300)
    assert converter.canvas_width(upright.shape) == plain.canvas_width(turned.shape) == 480
    assert converter.resized_width(upright.shape, 600) == plain.resized_width(turned.shape, 600)
    np.testing.assert_array_equal(converter([upright]), plain([np.ascontiguousarray(turned)]))
    for image in (turned, noise(40, 20)):
        np.testing.assert_array_equal(converter([image]), plain([image]))


@pytest.mark.parametrize("resize", ["pad", "fit"])
def test_config_round_trip(resize):
    options = {"round_width_to": 4, "minimum_width": 48, "turn_above": 1.5}
    converter = ImageConverter(48, 160, resize, "RGB", (0.1, 0.2, 0.3), 0.25, -1.0, **options)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(converter)))
    again = keras.saving.deserialize_keras_object(config)
    for image in (noise(30, 70), noise(70, 30)):
        np.testing.assert_array_equal(again([image]), converter([image]))


def test_no_images():
    assert ImageConverter(32, 100).convert([], 100).shape == (0, 32, 100, 3)


def test_bad_options_and_images():
    with pytest.raises(ValueError, match="resize policy"):
        ImageConverter(32, 100, "crop")
    with pytest.raises(ValueError, match="channel order"):
        ImageConverter(32, 100, channel_order="HSV")
    with pytest.raises(ValueError, match="at least 1"):
        ImageConverter(0, 100)
    with pytest.raises(ValueError, match="turn_above"):
        ImageConverter(32, 100, turn_above=0.5)
    with pytest.raises(ValueError, match="2 x 5000"):
        ImageConverter(32, 100, "widen")([noise(2, 5000)])


def test_a_converter_shows_itself():
    converter = ImageConverter(32, 100, "widen", width_multiple=4)
    assert repr(converter).startswith("ImageConverter(height=32, width=100, resize='widen', channel_order=")
    assert eval(repr(converter), {"ImageConverter": ImageConverter}).get_config() == converter.get_config()


@pytest.mark.parametrize("options", [{"width_multiple": 4}, {"width_multiple": 8, "turn_above": 2}, {}])
def test_a_few_widths_hold_every_image(options):
    converter = ImageConverter(32, 100, "widen", **options)
    widths = converter.canvas_widths(2**0.25)
    assert widths == sorted(set(widths)) and len(widths) < 25
    assert widths[0] == converter.canvas_width((32, 32))
    assert widths[-1] >= converter.canvas_width((32, 3200))
    assert all(width % converter.width_multiple == 0 for width in widths)
    assert ImageConverter(32, 100, "pad").canvas_widths(2**0.25) == [100]
