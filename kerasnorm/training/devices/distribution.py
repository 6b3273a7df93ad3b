"""Several devices: divides every batch among them."""

import contextlib
import functools
from contextlib import AbstractContextManager
from typing import Any

import keras

from kerasnorm.norm_kinds import NORM_KINDS
from kerasnorm.training.settings import Settings
from kerasnorm.training.settings.errors import UsageError


def scope(settings: Settings) -> AbstractContextManager[object]:
    """Return the context in which a model is built so that all devices train it.

    `auto` means all GPUs of this machine, or all virtual CPU devices where there is
    no GPU: `tf.distribute.MirroredStrategy` with TensorFlow, `DataParallel` of
    `keras.distribution` with JAX, there with the devices of all processes. The batch
    size stays that of all devices together, so settings mean the same on any number of
    them. With one device nothing happens. Call `end` when training is over.

    Args:
        settings: Whether to distribute, and the batch size.

    Raises:
        UsageError: If the backend is PyTorch, the batch cannot be shared evenly, or
            with TensorFlow gradients are accumulated or the norm's moving statistics
            would be those of one device's part of the batch.
    """
    if settings.distribute == "none":
        return contextlib.nullcontext()
    backend = keras.config.backend()
    if backend == "torch":
        raise UsageError(
            "expected --distribute none with the PyTorch backend, received auto; "
            "Keras trains on several devices with TensorFlow and JAX"
        )
    devices = list_devices()
    if len(devices) < 2:
        return contextlib.nullcontext()
    if backend == "tensorflow" and settings.accumulate > 1:
        raise UsageError(
            f"expected --accumulate 1 with --distribute auto on {len(devices)} devices "
            f"and the TensorFlow backend, received {settings.accumulate}; Keras cannot "
            "accumulate gradients under MirroredStrategy: use a larger --batch-size, "
            "or --distribute none"
        )
    if backend == "tensorflow" and not NORM_KINDS[settings.norm].shares_statistics:
        raise UsageError(
            f"expected a norm that {len(devices)} devices can share with --distribute "
            f"auto and the TensorFlow backend, received --norm {settings.norm}, whose "
            "moving statistics each device would keep by itself; use --norm batch, "
            "which is synchronized, a norm without moving statistics, or --distribute "
            "none"
        )
    if settings.batch_size % len(devices):
        raise UsageError(
            f"expected --batch-size to be a multiple of the {len(devices)} devices, "
            f"received {settings.batch_size}"
        )
    if backend == "jax":
        # Training looks for it, too, so it has to outlast the building. Processes take
        # their part of the batches by themselves: `multi_process_training.own_rows`.
        keras.distribution.set_distribution(
            keras.distribution.DataParallel(devices=devices, auto_shard_dataset=False)
        )
        return contextlib.nullcontext()
    scope: AbstractContextManager[object] = _mirrored_strategy(*devices).scope()
    return scope


@functools.cache
def _mirrored_strategy(*devices: str) -> Any:
    """Return the strategy of some devices, one for as long as the process lives.

    Each counts the exchanges between its devices from the same number, by which
    TensorFlow remembers their shapes: a second one, with another network, fails.
    """
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(devices)


def end(settings: Settings) -> None:
    """Let everything that is made from now on belong to one device.

    Args:
        settings: Whether `scope` has distributed.
    """
    if settings.distribute == "auto" and keras.config.backend() == "jax":
        keras.distribution.set_distribution(None)


def share_evenly(batches: Any, replicas: int) -> Any:
    """Cut the last batch to a size that all devices can share, or leave it out.

    A device without an image would end the run: TensorFlow's convolutions on the CPU
    return a wrong shape for no images, and JAX cuts arrays into equal parts only. The
    final report sees every image.

    Args:
        batches: Dataset of (images, labels) that knows its length.
        replicas: Devices that train, 1 or more.

    Raises:
        UsageError: If there are fewer images than devices.
    """
    if replicas == 1:
        return batches
    import tensorflow as tf

    def cut(images, labels):
        kept = tf.shape(images)[0] // replicas * replicas
        return images[:kept], labels[:kept]

    total = int(batches.cardinality())
    images, _ = next(iter(batches.skip(total - 1)))
    if len(images) < replicas:
        total -= 1
    if not total:
        raise UsageError(
            f"expected a validation image for each of {replicas} devices, received "
            f"{len(images)}; train with --distribute none"
        )
    return batches.take(total).map(cut)


def replicas_of(model: keras.Model) -> int:
    """Return the number of devices that train a model.

    Args:
        model: The compiled model.
    """
    if keras.config.backend() == "jax":
        shared = keras.distribution.distribution()
        return 1 if shared is None else int(shared.device_mesh.devices.size)
    strategy = getattr(model, "distribute_strategy", None)
    return 1 if strategy is None else int(strategy.num_replicas_in_sync)


def with_synchronized_norm(settings: Settings) -> Settings:
    """Let batch norm see the whole batch and not only a device's part of it.

    With JAX every batch norm does: arrays that lie on several devices are one array to
    it. Keras refuses the synchronized one there.

    Args:
        settings: The run's settings.
    """
    if settings.distribute == "none" or settings.norm not in ("batch", "sync_batch"):
        return settings
    is_jax = keras.config.backend() == "jax"
    return settings.replace(norm="batch" if is_jax else "sync_batch")


def list_devices() -> list[str]:
    """Return the names of the devices that `auto` means."""
    if keras.config.backend() == "jax":
        names: list[str] = keras.distribution.list_devices()
        return names
    import tensorflow as tf

    gpus = tf.config.list_logical_devices("GPU")
    return [device.name for device in gpus or tf.config.list_logical_devices("CPU")]
