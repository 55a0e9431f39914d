"""Thin-plate-spline rectification, RARE's first half: a network finds the text's outline, the image is bent straight.

Shi et al., "Robust Scene Text Recognition with Automatic Rectification" (2016), after Bookstein (1989).
Published file: PaddleOCR `ppocr/modeling/transforms/tps.py`. Places in an image are (x, y), -1 to 1 from edge to edge.
"""

import keras
import numpy as np
from keras import layers, ops

from keras_textrec.layers.convolution import FORMAT, conv_bn
from keras_textrec.layers.standard import MaxPooling2D

# Channels of the localisation network's four convolutions, and units of its hidden dense layer.
SIZES = {"large": ((64, 128, 256, 512), 256), "small": ((16, 32, 64, 128), 64)}


@keras.saving.register_keras_serializable("keras_textrec")
class TPS(keras.Model):
    """Image (B, H, W, 3) -> straightened image float32 (B, H, W, 3).

    The published network, with its deviations from the paper: the spline is laid through the centres of pixels, but
    sampled as if -1 and 1 were the centres of the outer ones. Its affine correction of the points, frozen at zero in
    every checkpoint, is left out. The published recipe trains fc1's weights and fc2 at a tenth of the learning rate.

    Args:
        height, width: of the image, in pixels.
        size: of the localisation network, "large" (1.7 M parameters) or "small" (0.1 M).
        fiducials: points on the outline, half of them above the text, half below; an even number.

    Raises:
        ValueError: another size, an odd number of fiducials or less than four, or an image too small to be looked at.
    """

    def __init__(self, height: int, width: int, size: str = "large", fiducials: int = 20, name: str = "tps"):
        if size not in SIZES:
            raise ValueError(f"TPS: size must be 'large' or 'small', not {size!r}.")
        if fiducials < 4 or fiducials % 2:
            raise ValueError(f"TPS: fiducials must be an even number, 4 or more, not {fiducials}.")
        if min(height, width) < 8:
            raise ValueError(f"TPS: the image must have 8 x 8 pixels or more, not {height} x {width}.")
        # === Functional Model ===
        widths, units = SIZES[size]
        image = keras.Input((height, width, 3), name="image")
        x = image
        for i, filters in enumerate(widths):
            x = conv_bn(x, filters, 3, activation="relu", name=f"loc{i}")
            if i < len(widths) - 1:
                x = MaxPooling2D(2, 2, name=f"loc{i}_pool")(x)
        x = layers.GlobalAveragePooling2D(data_format=FORMAT, name="loc_mean")(x)
        x = layers.Dense(units, activation="relu", name="fc1")(x)
        # Places and what is computed of them need float32: 8 bits would put them whole pixels off.
        x = layers.Dense(
            2 * fiducials,
            kernel_initializer="zeros",
            bias_initializer=keras.initializers.Constant(_initial_points(fiducials)),
            dtype="float32",
            name="fc2",
        )(x)
        points = layers.Reshape((fiducials, 2), dtype="float32", name="points")(x)
        grid = SplineGrid(height, width, dtype="float32", name="grid")(points)
        straightened = BilinearSampler(dtype="float32", name="sampler")(image, grid)
        super().__init__(inputs=image, outputs=straightened, name=name)

        # === Config ===
        self.height = height
        self.width = width
        self.size = size
        self.fiducials = fiducials

    def get_config(self):
        return {
            "name": self.name,
            "height": self.height,
            "width": self.width,
            "size": self.size,
            "fiducials": self.fiducials,
        }


@keras.saving.register_keras_serializable("keras_textrec")
class SplineGrid(layers.Layer):
    """Outline (B, fiducials, 2) -> each pixel of the straight image's place in the bent one, (B, height * width, 2).

    The spline that takes the straight outline (two rows, at the upper and the lower edge) to the given one is linear in
    the latter, so one constant matrix does it all. The published network multiplies by its two factors one after the
    other, and rounds in between: that moves its grid by 1e-5.
    """

    def __init__(self, height: int, width: int, **kwargs):
        super().__init__(**kwargs)
        self.height = height
        self.width = width

    def build(self, points_shape):
        self.matrix = _spline_matrix(self.height, self.width, points_shape[1])

    def call(self, points):
        return ops.matmul(ops.convert_to_tensor(self.matrix), points)

    def get_config(self):
        return {**super().get_config(), "height": self.height, "width": self.width}


@keras.saving.register_keras_serializable("keras_textrec")
class BilinearSampler(layers.Layer):
    """Image (B, H, W, C) and places (B, H * W, 2) -> the image's values there, (B, H, W, C), bilinear, 0 outside.

    -1 and 1 are the centres of the outermost pixels (`align_corners`, as the published network samples).
    """

    def call(self, image, grid):
        height, width, channels = image.shape[1:]
        if keras.backend.backend() == "torch":  # its own is 40 times faster
            from torch.nn.functional import grid_sample

            places = ops.reshape(grid, (-1, height, width, 2))
            sampled = grid_sample(ops.transpose(image, (0, 3, 1, 2)), places, align_corners=True)
            return ops.transpose(sampled, (0, 2, 3, 1))
        # With a border of one zero pixel all four neighbours of any place exist. Flat indices into all pixels of the
        # batch are what every backend, XLA and the exported formats compile well.
        rows, columns = height + 2, width + 2
        pixels = ops.reshape(ops.pad(image, [[0, 0], [1, 1], [1, 1], [0, 0]]), (-1, channels))
        x = ops.clip((grid[..., 0] + 1) * (0.5 * (width - 1)), -1, width) + 1
        y = ops.clip((grid[..., 1] + 1) * (0.5 * (height - 1)), -1, height) + 1
        left = ops.minimum(ops.floor(x), width)
        top = ops.minimum(ops.floor(y), height)
        right_share, lower_share = (x - left)[..., None], (y - top)[..., None]
        first = ops.arange(ops.shape(image)[0], dtype="int32")[:, None] * (rows * columns)
        corner = first + ops.cast(top, "int32") * columns + ops.cast(left, "int32")

        def take(offset):
            return ops.take(pixels, corner + offset, axis=0)

        upper = take(0) * (1 - right_share) + take(1) * right_share
        lower = take(columns) * (1 - right_share) + take(columns + 1) * right_share
        return ops.reshape(upper * (1 - lower_share) + lower * lower_share, (-1, height, width, channels))


def _initial_points(fiducials: int) -> np.ndarray:
    """The outline before training, flat: two rising rows, as in the paper's figure 6a."""
    half = fiducials // 2
    x = np.linspace(-1, 1, half)
    upper = np.stack([x, np.linspace(0, -1, half)], -1)
    lower = np.stack([x, np.linspace(1, 0, half)], -1)
    return np.concatenate([upper, lower]).reshape(-1)


def _spline_matrix(height: int, width: int, fiducials: int) -> np.ndarray:
    """float32 (height * width, fiducials): times an outline, it gives the grid."""
    half = fiducials // 2
    x = np.linspace(-1, 1, half)
    base = np.concatenate([np.stack([x, np.full(half, y)], -1) for y in (-1.0, 1.0)])
    system = np.zeros((fiducials + 3, fiducials + 3))
    system[:fiducials, 0] = 1
    system[:fiducials, 1:3] = base
    system[:fiducials, 3:] = _bending(base, base, np.finfo("float64").tiny)
    system[fiducials : fiducials + 2, 3:] = base.T
    system[fiducials + 2, 3:] = 1
    x = (np.arange(width) * 2 + 1 - width) / width
    y = (np.arange(height) * 2 + 1 - height) / height
    pixels = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    lifted = np.concatenate([np.ones((len(pixels), 1)), pixels, _bending(pixels, base, 1e-6)], -1)
    solver = np.linalg.inv(system)[:, :fiducials]
    # The published factors are float32.
    return (lifted.astype("float32").astype("float64") @ solver.astype("float32")).astype("float32")


def _bending(a: np.ndarray, b: np.ndarray, epsilon: float) -> np.ndarray:
    """The thin plate's kernel d^2 ln(d + epsilon) of every distance d from a (N, 2) to b (M, 2): (N, M)."""
    distance = np.linalg.norm(a[:, None] - b[None], axis=-1)
    return distance**2 * np.log(distance + epsilon)
