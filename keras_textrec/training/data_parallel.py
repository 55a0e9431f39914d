"""What `fit` does beside Keras where several devices share a batch.

Keras 3.15 has nothing for PyTorch's processes, so the mean of their gradients is taken here, between backward and step.
Keras 3.16 is to have `keras.distribution.DataParallel` on PyTorch; then that does it. TensorFlow's `MirroredStrategy`
clips gradients before it adds them up; here they are added up first.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from keras_textrec.layers.replicas import torch_processes
from keras_textrec.training.distribution import NO_MULTI_WORKER, process_index
from keras_textrec.training.parts import batch_norms


class DataParallelTraining:
    """Mixin before `keras.Model`: training and evaluation by several replicas, equal to one with the whole batch.

    In the processes of a `torch.distributed` group every one feeds its own part of a batch. Before `fit` all take the
    weights of process 0; each step applies the mean of all gradients, and metrics are of all parts. A loss has to be
    such that its mean over the processes is that of the batch: `keras_textrec.layers.replicas` has what it takes.
    """

    def fit(self, *arguments: Any, **options: Any) -> keras.callbacks.History:
        _refuse_what_keras_ignores(self)
        if torch_processes() > 1:
            _take_weights_of_first(self)
        with _gradients_of_the_batch(self):
            return super().fit(*arguments, **options)

    def train_on_batch(self, *arguments: Any, **options: Any) -> Any:
        with _gradients_of_the_batch(self):
            return super().train_on_batch(*arguments, **options)

    def get_metrics_result(self) -> dict[str, Any]:
        if torch_processes() == 1:
            return super().get_metrics_result()
        own = [variable.value.clone() for variable in self.metrics_variables]
        for variable, total in zip(self.metrics_variables, _sums(own), strict=True):
            variable.assign(total)
        try:
            return super().get_metrics_result()
        finally:
            for variable, value in zip(self.metrics_variables, own, strict=True):
                variable.assign(value)


def synchronize_batch_norm(model: keras.Model) -> None:
    """From here on batch normalisation takes mean and variance of the whole batch, not of one device's part of it.

    So it is on JAX in any case. TensorFlow's replicas and PyTorch's processes then send each other two numbers a
    channel, and a training is the same on any number of devices. Without it, each device normalises by its own part,
    as most published trainings on several devices do. Only the model in memory changes, nothing that is saved of it.
    """
    for layer in batch_norms(model):
        layer.synchronized = True


def _refuse_what_keras_ignores(model: keras.Model) -> None:
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        if isinstance(model.distribute_strategy, tf.distribute.MultiWorkerMirroredStrategy):
            raise ValueError(f"The model was made under a MultiWorkerMirroredStrategy. {NO_MULTI_WORKER}")
    if backend != "jax" and keras.distribution.distribution() is not None:
        instead = {"tensorflow": "tf.distribute.MirroredStrategy", "torch": "torchrun and init_process_group"}
        raise ValueError(
            f"Keras ignores keras.distribution on {backend}; use {instead[backend]} (docs/distributed.md)."
        )


def _take_weights_of_first(model: keras.Model) -> None:
    import torch

    optimizer = getattr(model, "optimizer", None)  # a model that is not compiled has none
    if optimizer is not None and not optimizer.built:
        optimizer.build(model.trainable_variables)
    for variable in [*model.variables, *(optimizer.variables if optimizer else [])]:
        torch.distributed.broadcast(variable.value.data, 0)
        if variable.name == "seed_generator_state":
            variable.value.data[0] += process_index()  # dropout is to differ between the parts of a batch


@contextlib.contextmanager
def _gradients_of_the_batch(model: keras.Model) -> Iterator[None]:
    """Meanwhile the optimizer applies the gradients of the whole batch, in place of those of each replica's part."""
    optimizer, on_tensorflow = getattr(model, "optimizer", None), keras.backend.backend() == "tensorflow"
    replicas = model.distribute_strategy.num_replicas_in_sync if on_tensorflow else torch_processes()
    if optimizer is None or replicas == 1:
        yield
        return
    inner, apply = getattr(optimizer, "inner_optimizer", optimizer), optimizer.apply
    optimizer.apply = lambda gradients, variables=None: apply(_mean_gradients(gradients), variables)
    if on_tensorflow:
        # Keras would add them up after it has clipped those of each replica alone, to another length than together.
        inner._all_reduce_sum_gradients = list
    try:
        yield
    finally:
        del optimizer.apply
        if on_tensorflow:
            del inner._all_reduce_sum_gradients


def _mean_gradients(gradients: list) -> list:
    """Each replica's gradients (None where a weight has none) -> those of the whole batch's loss."""
    found = [gradient for gradient in gradients if gradient is not None]
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # Keras has divided the losses by the number of replicas.
        means = iter(tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, found))
    else:
        means = iter([total / torch_processes() for total in _sums(found)])
    return [None if gradient is None else next(means) for gradient in gradients]


def _sums(tensors: list) -> list:
    """Their sums over the processes, by one message for each dtype."""
    import torch

    sums = list(tensors)
    for dtype in dict.fromkeys(tensor.dtype for tensor in tensors):
        places = [i for i, tensor in enumerate(tensors) if tensor.dtype == dtype]
        flat = torch.cat([tensors[i].reshape(-1) for i in places])
        torch.distributed.all_reduce(flat)
        parts = flat.split([tensors[i].numel() for i in places])
        for i, part in zip(places, parts, strict=True):
            sums[i] = part.view(tensors[i].shape)
    return sums
