"""CPU seconds of a training step, input included, on each backend and in a plain PyTorch loop.

    python benchmarks/training.py crnn_mv3_en crnn_r34_en --ways torch tensorflow plain --batch-size 8

`fit` runs as `keras-textrec train` runs it: the recipe's optimizer, loss and metrics, and the loader's threads; images
are JPEG files of words in memory. SVTRv2 and RepSVTR are trained with their guide. The plain loop (`plain_torch.py`,
CRNN alone) gets the same batches of the same loader. One thread computes; the best of the steps after the first two
counts.
"""

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import time

# Of each way the backend, and what else it has in its environment.
WAYS = {
    "torch": ("torch", {}),
    "tensorflow": ("tensorflow", {"TF_ENABLE_ONEDNN_OPTS": "0"}),
    "onednn": ("tensorflow", {"TF_ENABLE_ONEDNN_OPTS": "1"}),
    "jax": ("jax", {}),
    "plain": ("torch", {}),
}
WARM_UP = 2


def measure(name: str, way: str, batch_size: int, steps: int) -> None:
    """Prints a line of JSON: parameters to train, and CPU seconds of each step after the warm-up."""
    import cv2
    import keras
    import numpy as np

    import keras_textrec as textrec
    from keras_textrec.export.samples import drawn_words

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    model = textrec.TextRecognizer.from_preset(name, load_weights=False)
    if hasattr(model, "without_guide"):
        model = type(model).from_config({**model.get_config(), "guided": True})
    model.recipe = dataclasses.replace(model.recipe, batch_size=batch_size)
    images, texts = zip(*drawn_words(model.tokenizer.charset))
    files = [cv2.imencode(".jpg", image)[1].tobytes() for image in images]
    source = textrec.data.from_arrays(files, list(texts))
    data = model.training_data(source, steps_per_epoch=WARM_UP + steps)
    times = []
    if way == "plain":
        import plain_torch
        import torch

        torch.set_num_threads(1)
        network = plain_torch.NETWORKS[name](model.tokenizer.vocabulary_size).to(memory_format=torch.channels_last)
        optimizer = torch.optim.Adam(network.parameters(), model.recipe.learning_rate)
        parameters = sum(weight.numel() for weight in network.parameters())
        for image, labels, *_ in data:
            plain_torch.ctc_step(network, optimizer, image, labels)
            times.append(time.process_time())
    else:
        model.compile(total_steps=WARM_UP + steps)
        parameters = sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)
        clock = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: (float(logs["loss"]), times.append(time.process_time()))
        )
        model.fit(data, shuffle=False, verbose=0, callbacks=[clock])
    print(json.dumps({"parameters": parameters, "seconds": np.diff(times[WARM_UP - 1 :]).tolist()}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("presets", nargs="+")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--steps", type=int, default=6, help="that are timed")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return measure(options.presets[0], options.ways[0], options.batch_size, options.steps)

    print("| network | way | parameters | CPU s a step | images/s |\n|---|---|---|---|---|")
    numbers = ["--batch-size", str(options.batch_size), "--steps", str(options.steps)]
    for preset in options.presets:
        for way in options.ways:
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "KERAS_BACKEND": WAYS[way][0], **WAYS[way][1]}
            environment["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
            command = [sys.executable, __file__, preset, "--ways", way, "--child", *numbers]
            output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout
            row = json.loads(output.decode().splitlines()[-1])
            best = min(row["seconds"])
            rate = options.batch_size / best
            print(
                f"| {preset} | {way} | {row['parameters']:,} | {best:.3f} | {rate:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
