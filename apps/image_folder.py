"""Any classes of images: a convolutional network on a folder of class folders.

kerasnorm train --data PHOTOS                            45 minutes at most
kerasnorm train --data PHOTOS --preset pretrained        from weights of ImageNet
python -m apps.image_folder --data PHOTOS --preset quick
python -m apps.image_folder evaluate RUN_DIR
python -m apps.image_folder predict RUN_DIR PHOTO

The recipes are those that `apps.cats_dogs` was measured with on photos; they are not
tuned for other images, so no accuracy is promised here.
"""

import sys

from kerasnorm.training.app import App
from kerasnorm.training.commands.command_line import main
from kerasnorm.training.settings import Settings

from . import cats_dogs

APP = App(
    name="image_folder",
    title="Train a network on any classes of images.",
    settings=Settings(app="image_folder"),
    presets=cats_dogs.APP.presets,
)

if __name__ == "__main__":
    sys.exit(main(APP))
