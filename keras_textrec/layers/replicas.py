"""What the replicas of one training step tell each other, where each computes a part of the batch.

JAX computes the step of the whole batch, on however many devices; under TensorFlow's strategies and in the processes of
PyTorch, what is no mean over the images of a batch has to be made one of all replicas.
"""

import functools

import keras


def torch_processes() -> int:
    """The processes of PyTorch's default group (`torch.distributed`), each of which is a replica; 1 without one."""
    if keras.backend.backend() != "torch":
        return 1
    import torch

    ready = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_world_size() if ready else 1


def mean_over_replicas(x):
    """The mean of a tensor over all replicas, of the same shape in each; gradients go through it."""
    if torch_processes() > 1:
        return _torch_mean().apply(x)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        replica = tf.distribute.get_replica_context()
        if replica and replica.num_replicas_in_sync > 1:
            return replica.all_reduce(tf.distribute.ReduceOp.MEAN, x)
    return x


def max_over_replicas(x):
    """The largest value of a scalar among all replicas, without a gradient."""
    x = keras.ops.stop_gradient(x)
    if torch_processes() > 1:
        import torch

        x = x.clone()
        torch.distributed.all_reduce(x, torch.distributed.ReduceOp.MAX)
    elif keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        replica = tf.distribute.get_replica_context()
        if replica and replica.num_replicas_in_sync > 1:
            return keras.ops.max(replica.all_gather(x[None], 0))
    return x


@functools.cache
def _torch_mean():
    import torch

    def mean(x):
        total = x.clone()
        torch.distributed.all_reduce(total)
        return total / torch_processes()

    class Mean(torch.autograd.Function):
        """PyTorch's own (`torch.distributed.nn`) is deprecated without a public successor."""

        @staticmethod
        def forward(context, x):
            return mean(x)

        @staticmethod
        def backward(context, gradient):
            return mean(gradient)

    return Mean
