"""Settings of the section Data: which images train and validate, and how large."""

import dataclasses

from kerasnorm.data.store.kinds import CACHES
from kerasnorm.training.settings.declaration import (
    Searched,
    choice,
    number,
    switch,
    word,
)


@dataclasses.dataclass(frozen=True)
class DataSettings:
    """Which images train and validate, and how large they are."""

    app: str = word(
        "training", "Name of the app; first folder below `runs`.", is_searchable=False
    )
    data: str = word(
        "drawn",
        "`drawn`, a folder of class folders, one with train/ and validation/ or test/, "
        "tfds:NAME, shards:PATTERN (WebDataset tar or TFRecord), or a table FILE.csv.",
        is_searchable=False,
        divides_data=True,
        reads=True,
    )
    image_size: int = number(80, "Side of the square images, in pixels.", 16, 1024)
    train_size: int | None = number(
        None,
        "Side of the images in training, in pixels; null for as many as the finished "
        "model sees.",
        16,
        1024,
        details="With random crops, which show things larger, training on smaller "
        "images saves time and fits what validation sees.",
    )
    center_crop: float = number(
        1.0,
        "Fraction of the image side that is center-cropped at evaluation.",
        0.01,
        1,
        details="The finished model's first layer cuts this middle out, of the nearest "
        "multiple of 8 pixels, in validation, `evaluate` and `predict`: what a photo "
        "is of lies there, and looks larger so. Training sees whole images, shrunk to "
        "that size if `train_size` is null. 1 for no cut.",
    )
    batch_size: int = number(
        32,
        "Images in one training step.",
        1,
        searched=Searched((16, 32, 64), place=8),
    )
    validation_fraction: float = number(
        0.2,
        "Fraction of each class for validation where the data has no validation part.",
        0,
        1,
        above=True,
        below=True,
        divides_data=True,
    )
    test_fraction: float = number(
        0.0,
        "Fraction of each class kept for a last evaluation; 0 for none.",
        0,
        1,
        below=True,
        details="Where the data are one folder of classes. Nothing of it is seen in "
        "training or decides when it stops.",
        divides_data=True,
    )
    split: str | None = word(
        None,
        "split.csv of another run: its files keep their part, new ones are divided.",
        details="The settings.yaml of a run as `--config` brings its own with it, "
        "unless other flags divide the data otherwise.",
        is_of_one_call=True,
        reads=True,
    )
    fraction: float = number(
        1.0,
        "Fraction of the training images of each class to learn from.",
        0,
        1,
        above=True,
        details="Validation keeps all of its own.",
    )
    folds: int = number(
        1,
        "Parts of a cross-validation; 1 for a single split.",
        1,
        details="Each has the same fraction of every class. A validation part of the "
        "data's own is then left out.",
        divides_data=True,
    )
    fold: int = number(
        0,
        "Which of the folds validates, from 0; the others train.",
        0,
        divides_data=True,
    )
    fold_groups: str | None = word(
        None,
        "Regular expression; files with the same match stay in one fold.",
        details="What counts is its first group; null for single files.",
        divides_data=True,
    )
    label_noise: float = number(
        0.0,
        "Fraction of the training images that get a wrong label on purpose.",
        0,
        1,
    )
    balanced: bool = switch(
        False,
        "Show every class equally often, however many images it has.",
        off=False,
    )
    cache: str = choice(
        "auto",
        CACHES,
        "Where decoded images are kept: memory, disk or none.",
        details="auto keeps them in the user's cache directory, where later runs and "
        "searches find them, and in memory where they fit into a quarter of what is "
        "free; what is decoded within a second is kept in memory alone. With none, and "
        "where neither has room, they are decoded for each batch. Training sees the "
        "same images in the same order, bit for bit.",
        is_searchable=False,
        changes_on_resume=True,
    )
    cache_limit: float | None = number(
        None,
        "Gigabytes of disk for decoded images of all data; null for a quarter of what "
        "is free.",
        0,
        details="Those not used for the longest time go first, never those in use.",
        is_searchable=False,
        changes_on_resume=True,
    )
