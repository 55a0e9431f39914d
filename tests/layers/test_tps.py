import keras
import numpy as np
import pytest
from keras import ops

from keras_textrec.layers.tps import TPS, BilinearSampler, SplineGrid
from keras_textrec.presets.description import dtype_policy

STRAIGHT = np.concatenate([np.stack([np.linspace(-1, 1, 10), np.full(10, y)], -1) for y in (-1, 1)]).astype("float32")


def grid_of(points, height=6, width=11):
    """float (height, width, 2), the x and y that the pixels of a straight image have in the bent one."""
    layer = SplineGrid(height, width)
    return ops.convert_to_numpy(layer(points[None]))[0].reshape(height, width, 2)


def centres(height=6, width=11):
    x = (2 * np.arange(width) + 1) / width - 1
    y = (2 * np.arange(height) + 1) / height - 1
    return np.stack(np.meshgrid(x, y), -1)


def test_a_straight_outline_changes_nothing():
    np.testing.assert_allclose(grid_of(STRAIGHT), centres(), atol=1e-5)


def test_an_affine_outline_gives_an_affine_grid():
    matrix, shift = np.array([[0.5, 0.1], [-0.2, 0.7]]), np.array([0.3, -0.1])
    grid = grid_of((STRAIGHT @ matrix + shift).astype("float32"))
    np.testing.assert_allclose(grid, centres() @ matrix + shift, atol=1e-5)


def test_the_spline_goes_through_the_outline():
    """One column of pixels at each fiducial: its upper and lower ends are near the outline's points."""
    points = (STRAIGHT + np.random.default_rng(0).normal(size=STRAIGHT.shape) * 0.05).astype("float32")
    rows, columns = 400, 9 * 40 + 1  # pixel 40 i is at fiducial i but for 1 / columns
    grid = grid_of(points, rows, columns)
    np.testing.assert_allclose(grid[0, ::40], points[:10], atol=1e-2)
    np.testing.assert_allclose(grid[-1, ::40], points[10:], atol=1e-2)


def sampled(image, grid):
    """The values of an image (H, W, C) at places (H, W, 2)."""
    return ops.convert_to_numpy(BilinearSampler()(image[None], grid.reshape(1, -1, 2)))[0]


def reference(image, grid):
    """Bilinear interpolation by its definition; -1 and 1 are the centres of the outer pixels, 0 is outside."""
    height, width, channels = image.shape

    def pixel(y, x):
        return image[y, x] if 0 <= y < height and 0 <= x < width else np.zeros(channels)

    result = np.zeros_like(image)
    for i, (u, v) in enumerate(grid.reshape(-1, 2)):
        x, y = (u + 1) / 2 * (width - 1), (v + 1) / 2 * (height - 1)
        for row in (int(np.floor(y)), int(np.floor(y)) + 1):
            for column in (int(np.floor(x)), int(np.floor(x)) + 1):
                share = (1 - abs(y - row)) * (1 - abs(x - column))
                result.reshape(-1, channels)[i] += share * pixel(row, column)
    return result


@pytest.mark.parametrize("spread", [0.8, 1.3, 5.0])
def test_sampling_by_its_definition(spread):
    rng = np.random.default_rng(0)
    image = rng.normal(size=(5, 8, 3)).astype("float32")
    grid = rng.uniform(-spread, spread, size=(5, 8, 2)).astype("float32")
    np.testing.assert_allclose(sampled(image, grid), reference(image, grid), atol=1e-5)


def test_sampling_at_the_pixels_and_far_outside():
    image = np.random.default_rng(0).normal(size=(4, 6, 2)).astype("float32")
    grid = np.stack(np.meshgrid(np.linspace(-1, 1, 6), np.linspace(-1, 1, 4)), -1).astype("float32")
    np.testing.assert_allclose(sampled(image, grid), image, atol=1e-5)
    grid[:2] = 1e6
    grid[2] = -1e6
    np.testing.assert_array_equal(sampled(image, grid)[:3], 0)


def test_the_network_starts_with_the_outline_of_the_paper():
    model = TPS(32, 100, "small")
    (points,) = ops.convert_to_numpy(
        keras.Model(model.input, model.get_layer("points").output)(np.ones((1, 32, 100, 3)))
    )
    np.testing.assert_allclose(points[:10], np.stack([np.linspace(-1, 1, 10), np.linspace(0, -1, 10)], -1), atol=1e-6)
    np.testing.assert_allclose(points[10:], np.stack([np.linspace(-1, 1, 10), np.linspace(1, 0, 10)], -1), atol=1e-6)


def test_it_learns_to_undo_a_shift():
    """The gradient reaches the localisation network: an image that stands too far right moves left."""
    keras.utils.set_random_seed(0)
    model = TPS(16, 24, "small", fiducials=6)
    model.get_layer("fc2").set_weights(
        [np.zeros((64, 12)), 0.9 * np.array([-1, -1, 0, -1, 1, -1, -1, 1, 0, 1, 1, 1.0])]
    )
    ramp = np.tile(np.linspace(-1, 1, 24)[None, :, None], (16, 1, 3)).astype("float32")
    x, y = np.roll(ramp, 2, 1)[None], ramp[None]
    model.compile(keras.optimizers.Adam(3e-3), "mse")
    first = float(model.train_on_batch(x, y))
    losses = [float(model.train_on_batch(x, y)) for _ in range(8)]
    assert losses[-1] < 0.8 * first


def test_places_are_float32_in_mixed_precision():
    with dtype_policy("mixed_bfloat16"):
        model = TPS(16, 24, "small")
    assert model.get_layer("fc1").compute_dtype == "bfloat16"
    for name in ("fc2", "points", "grid", "sampler"):
        assert model.get_layer(name).compute_dtype == model.get_layer(name).output.dtype == "float32", name


def test_configuration_round_trip():
    model = TPS(24, 40, "small", fiducials=10)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model))
    assert again.get_config() == model.get_config()
    assert again.count_params() == model.count_params()
    layer = SplineGrid.from_config(SplineGrid(3, 4).get_config())
    assert (layer.height, layer.width) == (3, 4)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((32, 100, "medium"), "size must be"),
        ((32, 100, "small", 7), "fiducials must be an even number"),
        ((32, 100, "small", 2), "fiducials must be an even number"),
        ((4, 100), "8 x 8 pixels or more, not 4 x 100"),
    ],
)
def test_what_it_cannot_do_is_refused(arguments, message):
    with pytest.raises(ValueError, match=f"^TPS: .*{message}"):
        TPS(*arguments)
