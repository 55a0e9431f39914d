"""Adam as published trainings have it: settings by variable, their place of epsilon, a mean of weights; and Muon."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

# Updates after which the running mean of the weights is about as slow as it says (MindOCR's and YOLO's number).
AVERAGE_WARMUP = 2000
MUON_MOMENTUM = 0.95


class VariableSettings(NamedTuple):
    """How one variable is trained.

    Attributes:
        rate: times the learning rate.
        l2: coupled decay: the gradient has `l2` times the variable added, which then goes through the moments.
        decay: decoupled decay (AdamW's), times the variable and the learning rate.
        matrices: of a kernel that is trained by Muon, how many stand in it side by side; 0: it is trained by Adam.
    """

    rate: float = 1.0
    l2: float = 0.0
    decay: float = 0.0
    matrices: int = 0


@keras.saving.register_keras_serializable("keras_textrec")
class VariableAdam(keras.optimizers.Adam):
    """Adam and AdamW with settings by variable: u = m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + epsilon).

    So PaddlePaddle, PyTorch and MindOCR have it. Keras adds epsilon to the root before it is corrected, where it weighs
    30 times as much in the first step as in later ones.

    Variables with `matrices` are trained by Muon: u is the nearest orthogonal matrix to the mean of the gradients
    (Nesterov's, 0.95), times 0.2 sqrt(its longer side), so that learning rates and decays are AdamW's
    (arXiv:2502.16982). Keras' own Muon leaves the kernels of convolutions to Adam.

    With `use_ema`, the running mean of the weights has the momentum `ema_momentum` * (1 - exp(-t / 2000)), as MindOCR's
    has, so that a short training is not averaged with its beginning; Keras' is `ema_momentum` from the second step on.
    As in MindOCR (timm, YOLO), it is of batch normalisation's statistics too, for those of the last steps are of other
    weights than the mean; Keras' is not.

    A recipe makes it, for neither Keras nor its files keep settings by variable.
    """

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        self._settings: dict[Any, VariableSettings] = {}
        self._batch_norms: list[keras.layers.BatchNormalization] = []
        self._averaged_at = 0  # the steps after which the weights were last made the mean

    def set_variables(
        self,
        settings: Sequence[tuple[keras.Variable, VariableSettings]],
        batch_norms: Sequence[keras.layers.BatchNormalization] = (),
    ) -> None:
        """To be called before `build`.

        Args:
            settings: of some variables; the others have the default ones.
            batch_norms: layers whose statistics `use_ema` averages as it does the weights.
        """
        self._settings = {self._var_key(variable): tuple(values) for variable, values in settings}
        self._batch_norms = list(batch_norms)

    def build(self, variables: list[keras.Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        if self.use_ema:
            self._model_variables_moving_average.extend(self.add_optimizer_variables(self._statistics(), "average"))

    def _statistics(self) -> list[keras.Variable]:
        return [v for layer in self._batch_norms for v in (layer.moving_mean, layer.moving_variance)]

    def _settings_of(self, variable: Any) -> VariableSettings:
        return VariableSettings(*self._settings.get(self._var_key(variable), ()))

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        settings, index = self._settings_of(variable), self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
        gradient = ops.cast(gradient, variable.dtype)
        if settings.l2:
            gradient = ops.add(gradient, settings.l2 * variable)
        # By `ops`: TensorFlow's gradients of embeddings are sparse, and have no arithmetic of their own.
        if settings.matrices:
            self.assign_add(m, ops.subtract(gradient, m) * (1 - MUON_MOMENTUM))
            step = _muon_step(gradient * (1 - MUON_MOMENTUM) + m * MUON_MOMENTUM, settings.matrices)
        else:
            self.assign_add(m, ops.subtract(gradient, m) * (1 - self.beta_1))
            self.assign_add(v, ops.subtract(ops.square(gradient), v) * (1 - self.beta_2))
            correction_1, correction_2 = (ops.cast(c, variable.dtype) for c in self._corrections())
            step = m / correction_1 / (ops.sqrt(v / correction_2) + self.epsilon)
        if settings.decay:
            step = step + settings.decay * variable
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * settings.rate * step)

    def _corrections(self) -> tuple[Any, Any]:
        step = ops.cast(self.iterations + 1, "float32")
        return tuple(1 - ops.power(ops.cast(beta, "float32"), step) for beta in (self.beta_1, self.beta_2))

    def _backend_update_step(self, grads: list, trainable_variables: list, learning_rate: Any) -> None:
        if keras.backend.backend() == "torch":
            self._torch_update_step(grads, trainable_variables, learning_rate)
        else:
            super()._backend_update_step(grads, trainable_variables, learning_rate)

    def _clip_gradients(self, grads: list) -> list:
        if keras.backend.backend() != "torch" or not self.global_clipnorm:
            return super()._clip_gradients(grads)
        import torch

        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads)))
        return torch._foreach_mul(grads, (self.global_clipnorm / norm).clamp(max=1.0))

    def _torch_update_step(self, grads: list, variables: list, learning_rate: Any) -> None:
        """`update_step` of all of Adam's variables at once, by the operator of PyTorch's own optimizers: one pass."""
        import torch

        groups: dict[VariableSettings, list[tuple]] = {}
        for variable, gradient in zip(variables, grads, strict=True):
            settings = self._settings_of(variable)
            if settings.matrices:
                with torch.no_grad():
                    self.update_step(gradient, variable, learning_rate)
                continue
            index = self._get_variable_index(variable)
            values, m, v = (v.value for v in (variable, self._momentums[index], self._velocities[index]))
            if not _is_dense(values):  # some initial weights
                values.data = values.data.contiguous()
            for moment in (m, v):
                moment.data = _laid_as(values, moment.data)
            groups.setdefault(settings, []).append((values, _laid_as(values, gradient), m, v))
        rate, step = ops.convert_to_tensor(learning_rate, "float32"), ops.cast(self.iterations + 1, "float32")
        with torch.no_grad():
            for settings, group in groups.items():
                values, gradients, m, v = map(list, zip(*group, strict=True))
                if settings.l2:
                    gradients = torch._foreach_add(gradients, values, alpha=settings.l2)
                torch._fused_adamw_(
                    *(values, gradients, m, v, [], [step] * len(values)),
                    lr=rate * settings.rate,
                    beta1=self.beta_1,
                    beta2=self.beta_2,
                    weight_decay=settings.decay,
                    eps=self.epsilon,
                    amsgrad=False,
                    maximize=False,
                )

    def _update_model_variables_moving_average(self, trainable_variables: list) -> None:
        if not self.use_ema:
            return
        momentum = self._average_momentum(self.iterations)
        # In a step of JAX an optimizer sees the weights alone; `with_averaged_statistics` comes after it.
        statistics = [] if keras.backend.backend() == "jax" else self._statistics()
        variables = [*trainable_variables, *statistics]
        if keras.backend.backend() == "torch":  # of all variables at once, without Keras' checks of each
            import torch

            averages = [average.value for average in self._model_variables_moving_average]
            with torch.no_grad():
                torch._foreach_mul_(averages, momentum)
                news = torch._foreach_mul([variable.value for variable in variables], 1 - momentum)
                torch._foreach_add_(averages, news)
            return
        for variable, average in zip(variables, self._model_variables_moving_average, strict=False):
            average.assign(momentum * average + (1 - momentum) * variable)

    def _average_momentum(self, steps: Any) -> Any:
        """After so many steps before this one."""
        steps = ops.cast(steps, "float32")
        return self.ema_momentum * (1 - ops.exp(-(steps + 1) / AVERAGE_WARMUP)) * ops.cast(steps > 0, "float32")

    def average_statistics(self, steps: Any) -> None:
        """The statistics' part of a step's running mean, on JAX: after the step, which is the first after `steps`.

        A step that overflowed was none, and changes no mean.
        """
        momentum = ops.where(self.iterations > steps, self._average_momentum(steps), 1.0)
        averages = self._model_variables_moving_average[len(self._trainable_variables) :]
        for variable, average in zip(self._statistics(), averages, strict=True):
            average.assign(momentum * average + (1 - momentum) * variable)

    def swap_averages(self) -> None:
        """Puts the running means in the place of weights and statistics, and these in theirs."""
        variables = [*self._trainable_variables, *self._statistics()]
        for variable, average in zip(variables, self._model_variables_moving_average, strict=True):
            value = np.array(ops.convert_to_numpy(variable))
            variable.assign(average)
            average.assign(value)

    def _overwrite_model_variables_with_average_value(self, trainable_variables: list) -> None:
        """Keras does so at the end of `fit`."""
        super()._overwrite_model_variables_with_average_value([*trainable_variables, *self._statistics()])
        self._averaged_at = int(ops.convert_to_numpy(self.iterations))

    @property
    def has_new_average(self) -> bool:
        """Whether a step has been made since `fit` last put the mean into the weights: from then on they may be set."""
        return int(ops.convert_to_numpy(self.iterations)) > self._averaged_at


def _muon_step(mean: Any, matrices: int) -> Any:
    """Muon's step for a kernel (..., out): of each of `matrices` equal parts of its outputs, over all inputs."""
    steps = []
    for part in ops.split(ops.reshape(mean, (-1, mean.shape[-1])), matrices, axis=1):
        steps.append(_orthogonal(part) * (0.2 * max(part.shape) ** 0.5))
    return ops.reshape(ops.concatenate(steps, axis=1), mean.shape)


def _orthogonal(matrix: Any) -> Any:
    """About U V^T of the matrix U S V^T: five steps of Newton and Schulz (Jordan et al., 2024: "Muon").

    Their numbers bring singular values near 1 quickly, not to it: they end between 0.7 and 1.2.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = ops.transpose(matrix) if tall else matrix
    x = x / (ops.norm(x) + 1e-7)
    for _ in range(5):
        square = ops.matmul(x, ops.transpose(x))
        x = 3.4445 * x + ops.matmul(2.0315 * ops.matmul(square, square) - 4.775 * square, x)
    return ops.transpose(x) if tall else x


def averaging(optimizer: Any) -> VariableAdam | None:
    """The optimizer itself, or the one in a `LossScaleOptimizer`, if it keeps a running mean."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    return optimizer if isinstance(optimizer, VariableAdam) and optimizer.use_ema else None


def with_averaged_statistics(model: keras.Model, before: tuple, after: tuple) -> tuple:
    """The state after a training step on JAX, with the running mean of the statistics.

    Args:
        before, after: as JAX's `train_step` has them: values of the weights, of the model's other variables, of the
            optimizer's, and of the metrics'.
    """
    optimizer = averaging(model.optimizer)
    if optimizer is None:
        return after
    with keras.StatelessScope(list(zip(model.optimizer.variables, before[2], strict=True))):
        steps = ops.convert_to_tensor(optimizer.iterations)
    weights, others, state, metrics = after
    variables = [*model.non_trainable_variables, *model.optimizer.variables]
    with keras.StatelessScope(list(zip(variables, [*others, *state], strict=True))) as scope:
        optimizer.average_statistics(steps)
    return weights, others, [scope.get_current_value(variable) for variable in model.optimizer.variables], metrics


@contextlib.contextmanager
def averaged_weights(optimizer: Any) -> Iterator[None]:
    """The model of an optimizer has the running mean of its weights for a block, where the optimizer has one."""
    optimizer = averaging(optimizer)
    averages = optimizer is not None and optimizer.has_new_average
    if averages:
        optimizer.swap_averages()
    try:
        yield
    finally:
        if averages:
            optimizer.swap_averages()


def _is_dense(tensor: Any) -> bool:
    """Whether a tensor of PyTorch fills its memory, in whatever order of its axes."""
    return 1 + sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride())) == tensor.numel()


def _laid_as(weight: Any, tensor: Any) -> Any:
    """A tensor in the order in memory of a dense one of its shape: PyTorch's operator goes through both as they lie."""
    import torch

    return tensor if tensor.stride() == weight.stride() else torch.empty_like(weight).copy_(tensor)
