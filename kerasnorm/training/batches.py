"""Settings to batches: what training sees, from any step on."""

from typing import Any

from kerasnorm.data import pipeline_tf
from kerasnorm.data.augment import Augmentation
from kerasnorm.training.loading import Data
from kerasnorm.training.settings import Settings


def training_batches(settings: Settings, data: Data, first_step: int = 0) -> Any:
    """Return augmented training batches without end.

    Args:
        settings: The run's settings.
        data: The pictures.
        first_step: Batches left out at the beginning, those of an interrupted run.
    """
    return pipeline_tf.training_batches(
        data.train,
        settings.batch_size,
        augmentation(settings),
        settings.seed,
        mixup=settings.mixup,
        cutmix=settings.cutmix,
        label_smoothing=settings.label_smoothing,
        first_step=first_step,
    )


def augmentation(settings: Settings) -> Augmentation:
    """Return what is done to training pictures, as the settings say.

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
        horizontal_flip=settings.horizontal_flip,
        brightness_range=jitter,
        contrast_range=jitter,
        saturation_range=jitter,
    )
