"""Settings of the section Augmentation: what is done to training images at random.

Each of them declares the value that switches it off: the doctor compares training
images with those that nothing has been done to.
"""

import dataclasses

from kerasnorm.training.settings.declaration import Searched, number, switch


@dataclasses.dataclass(frozen=True)
class AugmentationSettings:
    """What is done to training images and their labels at random."""

    rotation_range: float = number(
        15.0, "Random rotation, in degrees.", 0, 180, off=0.0, is_strength=True
    )
    width_shift_range: float = number(
        0.1,
        "Random horizontal shift, as a fraction of the width.",
        0,
        1,
        off=0.0,
        is_strength=True,
    )
    height_shift_range: float = number(
        0.1,
        "Random vertical shift, as a fraction of the height.",
        0,
        1,
        off=0.0,
        is_strength=True,
    )
    shear_range: float = number(
        5.0, "Random shear, in degrees.", 0, 89, off=0.0, is_strength=True
    )
    zoom_range: float = number(
        0.2,
        "Random zoom between 1 - zoom_range and 1 + zoom_range.",
        0,
        0.99,
        off=0.0,
        is_strength=True,
    )
    crop_area: float = number(
        1.0,
        "Random crops of at least this fraction of the area; 1 for none.",
        0.01,
        1,
        off=1.0,
    )
    color_jitter: float = number(
        0.0,
        "Random brightness, contrast and saturation by up to this fraction.",
        0,
        1,
        off=0.0,
        is_strength=True,
    )
    horizontal_flip: bool = switch(
        True, "Mirror half of the training images left to right.", off=False
    )
    rand_augment: float | None = number(
        None,
        "Strength of Keras' RandAugment; null for none.",
        0,
        1,
        details="Needs the TensorFlow backend.",
        off=None,
    )
    random_erasing: float = number(
        0.0, "Fraction of the training images that lose a random box.", 0, 1, off=0.0
    )
    mixup: float = number(0.0, "Beta parameter of MixUp; 0 for none.", 0, off=0.0)
    cutmix: float = number(0.0, "Beta parameter of CutMix; 0 for none.", 0, off=0.0)
    label_smoothing: float = number(
        0.0,
        "Fraction of a training label spread over all classes.",
        0,
        0.99,
        off=0.0,
        searched=Searched((0.0, 0.05, 0.1), place=10),
    )
