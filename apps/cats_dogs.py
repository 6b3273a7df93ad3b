"""Cats against dogs: a convolutional network on two classes of images.

python -m apps.cats_dogs                        drawn cats and dogs, no download
python -m apps.cats_dogs --data PHOTOS          your own photos, in class folders
python -m apps.cats_dogs --norm group --batch-size 4
python -m apps.cats_dogs evaluate RUN_DIR
python -m apps.cats_dogs predict RUN_DIR PHOTO

Expected on two cores (hardware, n and commands in docs/benchmarks.md):
drawn images 0.964 validation accuracy in 4 minutes of training; 2,000 photos 0.93 in 45
minutes, 0.86 in 5 with `--preset quick`.
"""

import sys

from kerasnorm.training.app import App
from kerasnorm.training.commands.command_line import main
from kerasnorm.training.settings import Settings

# Small images first and a wide network on a coarse map, so that two cores get through
# many epochs. Learning rate and size of the images follow the clock, which ends a
# training long before its epochs and patience do.
PHOTOS = {
    "epochs": 600,
    "image_size": 108,
    "center_crop": 0.9,
    "optimizer": "muon",
    "learning_rate": 0.01,
    "max_minutes": 45.0,
    "patience": 200,
    "zoom_range": 0.4,
    "random_erasing": 0.2,
    "weight_decay": 0.05,
    "width": 64,
    "stages": 3,
    "stem_strides": 4,
    "progressive_resizing": True,
    "precision": "auto",
    "color_jitter": 0.2,
    "mixup": 0.2,
    "cutmix": 1.0,
    "label_smoothing": 0.1,
}

# The classifier learns first, from features; then all else in small steps, so that what
# the weights know is not unlearned.
PRETRAINED = {
    "model": "efficientnet_lite0",
    "weights": "pretrained",
    "head_first": True,
    "first_layer_rate": 0.1,
    "image_size": 224,
    "epochs": 40,
    "max_minutes": 15.0,
    "patience": 5,
    "learning_rate": 2e-4,
    "rotation_range": 0.0,
    "width_shift_range": 0.0,
    "height_shift_range": 0.0,
    "shear_range": 0.0,
    "zoom_range": 0.0,
    "crop_area": 0.5,
    "color_jitter": 0.2,
}

APP = App(
    name="cats_dogs",
    title="Train a network to tell cats from dogs.",
    settings=Settings(app="cats_dogs"),
    presets={
        "drawn": {
            "epochs": 22,
            "image_size": 64,
            "learning_rate": 3e-3,
            "rotation_range": 10.0,
            "width_shift_range": 0.06,
            "height_shift_range": 0.06,
            "zoom_range": 0.15,
            "patience": 20,
        },
        "photos": PHOTOS,
        "pretrained": PRETRAINED,
        # For a first look: too few epochs for much varied images and decay to pay.
        "quick": PHOTOS
        | {
            "image_size": 64,
            "center_crop": 1.0,
            "max_minutes": 5.0,
            "zoom_range": 0.2,
            "random_erasing": 0.0,
            "weight_decay": 0.02,
            "mixup": 0.0,
            "cutmix": 0.0,
        },
    },
)

if __name__ == "__main__":
    sys.exit(main(APP))
