"""The dtype policy that pays on this machine."""

import keras

from keras_textrec.system.processor import has_bfloat16


def resolve_dtype(dtype: str) -> tuple[str, str]:
    """A Keras dtype policy and why it is that one: for "auto" mixed_bfloat16 where it is quicker, else float32."""
    if dtype != "auto":
        return dtype, "as the recipe says"
    accelerator = _accelerator()
    if accelerator is not None:
        name, pays = "the accelerator", accelerator
    else:
        name, pays = "the processor", has_bfloat16()
    if pays:
        return "mixed_bfloat16", f"{name} multiplies bfloat16"
    return "float32", f"{name} does not multiply bfloat16, as far as it says"


def _accelerator() -> bool | None:
    """Whether the backend's GPU (NVIDIA: from compute capability 8) or TPU multiplies bfloat16; None without one."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if tf.config.list_physical_devices("TPU"):
            return True
        devices = tf.config.list_physical_devices("GPU")
        details = [tf.config.experimental.get_device_details(device) for device in devices]
        return all(d.get("compute_capability", (0,)) >= (8,) for d in details) if devices else None
    if keras.backend.backend() == "jax":
        import jax

        device = jax.devices()[0]
        if device.platform == "cpu":
            return None
        return device.platform == "tpu" or float(getattr(device, "compute_capability", 0)) >= 8
    import torch

    if not torch.cuda.is_available():
        return None
    return torch.cuda.get_device_capability() >= (8,)
