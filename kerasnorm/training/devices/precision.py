"""Whether this machine computes faster in bfloat16 than in float32."""

import pathlib

import keras

from kerasnorm.training.settings import Settings

# First NVIDIA generation whose matrix units know bfloat16.
FIRST_CAPABILITY = 8
# Linux alone lists what its processors can do; elsewhere float32 is the safe answer.
PROCESSORS = pathlib.Path("/proc/cpuinfo")


def resolve_auto_precision(settings: Settings) -> Settings:
    """Replace `auto` by the precision of this machine, so that runs can be repeated.

    Args:
        settings: The run's settings.
    """
    if settings.precision != "auto":
        return settings
    return settings.replace(precision=fastest_precision())


def fastest_precision() -> str:
    """Return `bfloat16` where the hardware multiplies matrices in it, else `float32`.

    float16 is never chosen: its range is so small that the loss has to be scaled.
    """
    look = {"tensorflow": _tensorflow_is, "jax": _jax_is, "torch": _torch_is}
    is_fast = look[keras.config.backend()]
    return "bfloat16" if is_fast() else "float32"


def _tensorflow_is() -> bool:
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    if not devices:
        # Without matrix units TensorFlow emulates bfloat16, far slower than float32.
        return _processor_has("amx_bf16")
    details = tf.config.experimental.get_device_details(devices[0])
    return details.get("compute_capability", (0,))[0] >= FIRST_CAPABILITY


def _jax_is() -> bool:
    import jax

    device = jax.devices()[0]
    if device.platform == "tpu":
        return True
    capability = str(getattr(device, "compute_capability", "0"))
    return device.platform == "gpu" and float(capability) >= FIRST_CAPABILITY


def _torch_is() -> bool:
    import torch

    return torch.cuda.is_available() and torch.cuda.is_bf16_supported()


def _processor_has(flag: str) -> bool:
    if not PROCESSORS.is_file():
        return False
    return flag in PROCESSORS.read_text(encoding="utf-8").split()
