"""Seconds of a training step, input included, on each backend and in a plain PyTorch loop; on one device or several.

    python benchmarks/training.py crnn_mv3_en crnn_r34_en --ways torch tensorflow plain --batch-size 8
    python benchmarks/training.py crnn_small_en --ways torch tensorflow jax --batch-size 32 --devices 2

`fit` runs as `keras-textrec train` runs it: the recipe's optimizer, loss and metrics, and the loader's threads; images
are JPEG files of words in memory. SVTRv2 and RepSVTR are trained with their guide, on one canvas. The plain loop
(`plain_torch.py`, CRNN alone) gets the same batches of the same loader. One thread a device computes; the best of the
steps after the first two counts. CPU seconds are of the first process; images/s go by the clock, and need as many idle
cores as devices, which is all that it takes (on Linux).

Several devices share each batch, as with `--distribute data`: two processes of PyTorch, two virtual devices of JAX or
two logical ones of TensorFlow, all of this machine's processor.
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


def measure(name: str, way: str, devices: int, batch_size: int, steps: int) -> None:
    """Prints a line of JSON: parameters to train, and for each step after the warm-up its seconds and CPU seconds."""
    import cv2
    import keras
    import numpy as np

    import keras_textrec as textrec
    from keras_textrec.export.samples import drawn_words
    from keras_textrec.training.distribution import distributed, process_index

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(devices)
        (cpu,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * devices)
    with distributed("data" if devices > 1 else "none"):
        model = textrec.TextRecognizer.from_preset(name, load_weights=False)
        if hasattr(model, "without_guide"):
            model = type(model).from_config({**model.get_config(), "guided": True})
        one_canvas = {"canvases": None, "canvas_choice": "shape"}
        model.recipe = dataclasses.replace(model.recipe, batch_size=batch_size, **one_canvas)
        images, texts = zip(*drawn_words(model.tokenizer.charset))
        files = [cv2.imencode(".jpg", image)[1].tobytes() for image in images]
        source = textrec.data.from_arrays(files, list(texts))
        data = model.training_data(source, steps_per_epoch=WARM_UP + steps)
        times = []

        def note(*_) -> None:
            times.append((time.perf_counter(), time.process_time()))

        if way == "plain":
            import plain_torch
            import torch

            torch.set_num_threads(1)
            network = plain_torch.NETWORKS[name](model.tokenizer.vocabulary_size).to(memory_format=torch.channels_last)
            optimizer = torch.optim.Adam(network.parameters(), model.recipe.learning_rate)
            parameters = sum(weight.numel() for weight in network.parameters())
            for image, labels, *_ in data:
                plain_torch.ctc_step(network, optimizer, image, labels)
                note()
        else:
            model.compile(total_steps=WARM_UP + steps)
            if devices > 1:
                textrec.synchronize_batch_norm(model)
            parameters = sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)
            clock = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: note(float(logs["loss"])))
            model.fit(data, shuffle=False, verbose=0, callbacks=[clock])
        if not process_index():
            print(json.dumps({"parameters": parameters, "seconds": np.diff(times[WARM_UP - 1 :], axis=0).tolist()}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("presets", nargs="+")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--batch-size", type=int, default=8, help="of all devices together")
    parser.add_argument("--devices", type=int, default=1, help="that share each batch")
    parser.add_argument("--steps", type=int, default=6, help="that are timed")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return measure(options.presets[0], options.ways[0], options.devices, options.batch_size, options.steps)
    if options.devices > 1 and "plain" in options.ways:
        parser.error("The plain loop is for one device; leave it out of --ways.")

    if hasattr(os, "sched_setaffinity"):  # XLA has more threads than one would give it
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-options.devices :])
    print("| network | way | devices | parameters | CPU s a step | images/s |\n|---|---|---|---|---|---|")
    numbers = [f"--batch-size={options.batch_size}", f"--devices={options.devices}", f"--steps={options.steps}"]
    for preset in options.presets:
        for way in options.ways:
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "KERAS_BACKEND": WAYS[way][0], **WAYS[way][1]}
            environment["XLA_FLAGS"] = (
                f"--xla_cpu_multi_thread_eigen=false --xla_force_host_platform_device_count={options.devices}"
            )
            launcher = [sys.executable]
            if way == "torch" and options.devices > 1:
                launcher += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={options.devices}"]
            command = [*launcher, __file__, preset, "--ways", way, "--child", *numbers]
            output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout
            row = json.loads(output.decode().splitlines()[-1])
            seconds, cpu_seconds = map(min, zip(*row["seconds"]))
            rate = options.batch_size / seconds
            print(
                f"| {preset} | {way} | {options.devices} | {row['parameters']:,} | {cpu_seconds:.3f} | {rate:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
