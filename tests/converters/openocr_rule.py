"""Numbers of OpenOCR's networks for test_openocr.py, and the rule that fills those networks.

`python tests/converters/openocr_rule.py CHECKOUT FILE.npz` makes the numbers. It needs torch and a checkout of
https://github.com/Topdu/OpenOCR (ae934e5): the networks are built by OpenOCR's own code from its own configurations,
but for 37 classes. Their weights follow from the tensors' names and shapes alone.
"""

import json
import pathlib
import sys
import zlib

import numpy as np

CONFIGS = {name: f"configs/rec/svtrv2/{name}_ch.yml" for name in ("repsvtr", "svtrv2")}
CLASSES = 37
# By parts of names, chosen so that every column of an image is read differently and no probability is near 1.
GAINS = {"channel_mixer": 0.5, "proj": 0.3, "svtr_encoder.conv": 2.0}


def fill(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The values of a tensor, float32, by its name in OpenOCR."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if len(shape) > 1:
        gain = next((gain for part, gain in GAINS.items() if part in name), 1.0)
        values = rng.normal(size=shape) * gain / np.sqrt(np.prod(shape[1:]))
        if np.prod(shape[1:]) > 16:  # of mean 0: so that no unit is on for every image alike
            values -= values.mean(axis=tuple(range(1, len(shape))), keepdims=True)
        return values.astype("float32")
    if name.endswith(("running_var", "weight")):
        return rng.uniform(0.5, 1.5, shape).astype("float32")
    return (0.1 * rng.normal(size=shape)).astype("float32")


def images() -> np.ndarray:
    """Two network inputs, float32 (2, 48, 128, 3), of random blocks; the second one ends in grey."""
    rng = np.random.default_rng(0)
    x = np.kron(rng.uniform(-1, 1, (2, 12, 32, 3)), np.ones((1, 4, 4, 1)))
    x[1, :, 80:] = 0
    return x.astype("float32")


def main(checkout: str, output: str) -> None:
    import torch
    import yaml

    sys.path.insert(0, checkout)
    from openrec.modeling import build_model

    numbers = {}
    for network, config in CONFIGS.items():
        architecture = yaml.safe_load(pathlib.Path(checkout, config).read_text("utf-8"))["Architecture"]
        architecture["Decoder"]["out_channels"] = CLASSES
        model = build_model(architecture).eval()
        shapes = {k: list(v.shape) for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}
        model.load_state_dict({k: torch.tensor(fill(k, shape)) for k, shape in shapes.items()}, strict=False)
        with torch.no_grad():
            probabilities = model(torch.tensor(images().transpose(0, 3, 1, 2))).numpy()
        numbers[f"{network}_shapes"] = np.array(json.dumps(shapes))
        numbers[network] = probabilities
        print(network, len(shapes), probabilities.shape, probabilities.argmax(-1), probabilities.max(-1).min())
    np.savez_compressed(output, **numbers)


if __name__ == "__main__":
    main(*sys.argv[1:])
