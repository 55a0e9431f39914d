"""
Title: Train on many devices
Author: the keras_textrec team
Date created: 2026/11/26
Description: One script for a processor, several GPUs or several machines, on JAX, TensorFlow and PyTorch.
Accelerator: GPU
"""

"""
## Data parallelism

Every device computes a part of each batch, gradients are added up, and all devices have the same weights after every
step. `batch_size` is the whole batch, so the training is the same whatever the number of devices.

Keras has a way of its own for each backend, and this script takes that of the one in use. Without GPUs, JAX makes two
devices of the processor, to try it; for PyTorch start the script by `torchrun --nproc-per-node 2`.
"""

import contextlib
import os

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=2")  # of processors; GPUs are as many as are

import keras

import keras_textrec as textrec
from keras_textrec.data import from_arrays

IMAGES = int(os.environ.get("IMAGES", 512))
EPOCHS = int(os.environ.get("EPOCHS", 1))
FONTS = os.environ.get("FONTS")  # a folder; None: the system's

backend, scope, writes = keras.backend.backend(), contextlib.nullcontext(), True
if backend == "jax":
    devices = keras.distribution.list_devices()
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))
elif backend == "tensorflow":
    import tensorflow as tf

    strategy = tf.distribute.MirroredStrategy()
    devices, scope = strategy.extended.worker_devices, strategy.scope()
else:
    import torch

    if "RANK" in os.environ:  # torchrun has started this process, and others
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        torch.distributed.init_process_group()
        devices = range(torch.distributed.get_world_size())
        writes = torch.distributed.get_rank() == 0
    else:
        devices = ["this process alone"]
print(f"{backend}: {len(devices)} devices")

"""
## The same script from here on

The model is made where its weights are to live. TensorFlow's replicas and PyTorch's processes take the batch statistics
of their own part unless they are told otherwise; JAX takes those of the whole batch.
"""

renderer = textrec.synthesis.WordRenderer(difficulty=0.5, config={"fonts": {"folders": FONTS}})
words = [renderer.render_jpeg(i) for i in range(IMAGES)]
source = from_arrays([word.image for word in words], [word.text for word in words])

keras.utils.set_random_seed(0)
with scope:
    model = textrec.TextRecognizer.from_preset("crnn_small_en")
    model.recipe = model.recipe.for_fine_tuning()
    if backend != "jax":
        textrec.synchronize_batch_norm(model)
    model.compile(total_steps=EPOCHS * max(1, IMAGES // model.recipe.batch_size))
model.fit(model.training_data(source), epochs=EPOCHS, shuffle=False, verbose=1 if writes else 0)

"""
## One process writes

What all have alike, one of them keeps.
"""

if writes:
    model.save_to_preset("trained")
    print("The model is in the folder 'trained'.")

"""
## On the command line

`keras-textrec train ... --distribute auto` does all of this, compares what the processes see before the first step, and
goes on after a worker has died; `docs/distributed.md` has Slurm, Kubernetes and a TPU VM.
"""
