"""Reading speed of every network on every backend, in one run: python benchmarks/networks.py [--seconds 3]

For each network (published sizes, new weights) and each backend: latency of one image and images/s of 32, the network
alone (no decoding of files, no tokenizer), and how many times slower than the best backend that is.
"""

import argparse
import json
import os
import subprocess
import sys
import time

BACKENDS = ("tensorflow", "jax", "torch")


def networks() -> dict:
    """The published networks by name, with 36 characters (SVTRv2's vocabulary of 6,625 counts in the head only)."""
    import keras_textrec as textrec
    from keras_textrec.backbones import MobileNetV3

    characters = textrec.Charset.named("alphanumeric")
    return {
        "CRNN R34": lambda: textrec.CRNN(characters),
        "CRNN MV3": lambda: textrec.CRNN(characters, backbone=MobileNetV3(), hidden_size=96),
        "RARE R34": lambda: textrec.RARE(characters),
        "RARE MV3": lambda: textrec.RARE(characters, backbone=MobileNetV3(), hidden_size=96, rectify="small"),
        "RobustScanner": lambda: textrec.RobustScanner(textrec.Charset.named("dict90")),
        "SVTRv2": lambda: textrec.SVTRv2(characters),
        "RepSVTR": lambda: textrec.RepSVTR(characters),
        "RepSVTR fused": lambda: textrec.RepSVTR(characters).fuse(),
        "crnn_small_en": lambda: textrec.TextRecognizer.from_preset("crnn_small_en"),
    }


def measure(seconds: float) -> None:
    """Prints a line of JSON a network: name, parameters, milliseconds for one image, images/s for 32."""
    import numpy as np

    for name, make in networks().items():
        model = make()
        row = {"name": name, "parameters": model.count_params()}
        for size in (1, 32):
            shape = (size, model.converter.height, model.converter.width, 3)
            x = np.random.default_rng(0).normal(size=shape).astype("float32")
            inputs = model.reader_inputs(x, np.ones(size, "float32"))
            for _ in range(2):  # the first call compiles
                model.reader.predict_on_batch(inputs)
            times = []
            while sum(times) < seconds or len(times) < 3:
                started = time.perf_counter()
                model.reader.predict_on_batch(inputs)
                times.append(time.perf_counter() - started)
            row[f"batch {size}"] = sorted(times)[len(times) // 2]
        print(json.dumps(row), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="of measuring, per network and batch size")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return measure(options.seconds)

    rows: dict[str, dict] = {}
    for backend in BACKENDS:
        command = [sys.executable, __file__, "--child", "--seconds", str(options.seconds)]
        environment = {**os.environ, "KERAS_BACKEND": backend}
        output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
        for line in output.stdout.decode().splitlines():
            row = json.loads(line)
            rows.setdefault(row["name"], {"parameters": row["parameters"]})[backend] = row
    print("| network | parameters | " + " | ".join(f"{b}: ms at 1, images/s at 32" for b in BACKENDS) + " |")
    print("|---" * (2 + len(BACKENDS)) + "|")
    for name, row in rows.items():
        cells = []
        for backend in BACKENDS:
            one, many = row[backend]["batch 1"], row[backend]["batch 32"]
            slower = [row[backend][key] / min(row[b][key] for b in BACKENDS) for key in ("batch 1", "batch 32")]
            cells.append(f"{1000 * one:.1f} ({slower[0]:.1f}x), {32 / many:.0f} ({slower[1]:.1f}x)")
        print(f"| {name} | {row['parameters']:,} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
