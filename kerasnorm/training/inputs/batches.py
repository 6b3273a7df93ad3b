"""Settings to batches: what training sees, from any step on."""

from collections.abc import Collection
from typing import Any

import keras

from kerasnorm.data.augment.augmentation import Augmentation
from kerasnorm.data.augment.keras_layers_tf import with_keras_layers
from kerasnorm.data.pipelines import batches_tf, epoch_plan_tf
from kerasnorm.training.inputs.loading import Data
from kerasnorm.training.settings import Settings
from kerasnorm.training.settings.errors import UsageError


def training_batches(
    settings: Settings,
    data: Data,
    first_step: int = 0,
    skipped: Collection[int] = (),
) -> Any:
    """Return augmented training batches without end.

    Args:
        settings: The run's settings.
        data: The images.
        first_step: Batches left out at the beginning, those of an interrupted run.
        skipped: Steps whose batch is left out; the one after it takes its place, so
            that an epoch keeps its length.
    """
    step, pieces = first_step, []
    for bad in sorted(step for step in skipped if step >= first_step):
        good = bad + 1
        while good in skipped:
            good += 1
        pieces.append(_from(settings, data, step).take(bad - step))
        pieces.append(_from(settings, data, good).take(1))
        step = bad + 1
    stream = _from(settings, data, step)
    for piece in reversed(pieces):
        stream = piece.concatenate(stream)
    return stream


def check_accumulation(settings: Settings, data: Data) -> None:
    """Raise UsageError if an epoch has fewer batches than one step takes.

    Args:
        settings: The run's settings.
        data: The images.
    """
    count = len(data.train) // settings.batch_size
    if settings.accumulate > max(count, 1):
        raise UsageError(
            f"expected --accumulate {max(count, 1)} or less, the batches of an epoch "
            f"of {len(data.train)} images, received {settings.accumulate}; epochs "
            "would pass without a step of the optimizer"
        )


def validation_batches(settings: Settings, data: Data) -> Any:
    """Return the validation images once, as the network sees them in training.

    Args:
        settings: The run's settings.
        data: The images.
    """
    side = settings.eval_size
    return batches_tf.evaluation_batches(
        data.validation, settings.batch_size, center=(side, side)
    )


def files_of(settings: Settings, data: Data, step: int) -> list[str]:
    """Return the files of a batch; with MixUp and CutMix those it is led by.

    Args:
        settings: The run's settings.
        data: The images.
        step: Batches trained before, over all epochs.
    """
    size = settings.batch_size
    epoch, batch = divmod(step, len(data.train) // size)
    order = epoch_plan_tf.epoch_order(
        data.train.labels, settings.seed, epoch, settings.balanced
    )
    return [str(data.train.paths[i]) for i in order[batch * size : (batch + 1) * size]]


def _from(settings: Settings, data: Data, first_step: int) -> Any:
    side = settings.train_size
    batches = batches_tf.training_batches(
        data.train,
        settings.batch_size,
        augmentation(settings),
        settings.seed,
        output_size=None if side is None else (side, side),
        mixup=settings.mixup,
        cutmix=settings.cutmix,
        random_erasing=settings.random_erasing,
        label_smoothing=settings.label_smoothing,
        first_step=first_step,
        balanced=settings.balanced,
    )
    layers = keras_layers(settings)
    if not layers:
        return batches
    return with_keras_layers(batches, layers, settings.seed, first_step=first_step)


def keras_layers(settings: Settings) -> list[keras.Layer]:
    """Return Keras' own augmentation layers that the settings ask for.

    Args:
        settings: The run's settings.

    Raises:
        UsageError: If Keras runs on another backend than TensorFlow.
    """
    if settings.rand_augment is None:
        return []
    if keras.config.backend() != "tensorflow":
        raise UsageError(
            "expected --rand-augment null with any backend but TensorFlow, received "
            f"{settings.rand_augment} with {keras.config.backend()}; --random-erasing, "
            "--mixup and --cutmix work with every backend"
        )
    return [keras.layers.RandAugment((0, 255), factor=settings.rand_augment)]


def augmentation(settings: Settings) -> Augmentation:
    """Return what is done to training images, as the settings say.

    Args:
        settings: The run's settings.
    """
    jitter = (1 - settings.color_jitter, 1 + settings.color_jitter)
    return Augmentation(
        rotation_range=settings.rotation_range,
        width_shift_range=settings.width_shift_range,
        height_shift_range=settings.height_shift_range,
        shear_range=settings.shear_range,
        zoom_range=settings.zoom_range,
        crop_area=settings.crop_area,
        horizontal_flip=settings.horizontal_flip,
        brightness_range=jitter,
        contrast_range=jitter,
        saturation_range=jitter,
    )
