"""How an iterator walks through its samples, checked."""

import dataclasses
import io
import numbers
import os
from typing import Any

import keras
import numpy as np
from PIL import Image

from kerasnorm.data.errors import DataError
from kerasnorm.data.sources.folders import check_directory

# File systems take names of 255 bytes; numbers and an ending follow.
LONGEST_PREFIX = 200


@dataclasses.dataclass(frozen=True)
class IteratorOptions:
    """How an iterator walks through its samples.

    Args:
        batch_size: Samples in a batch; the last batch of an epoch may be smaller.
        shuffle: Whether each epoch has its own random order.
        seed: Decides order and transforms; None takes one from the system.
        save_to_dir: Folder to save every transformed image to, for looking at them.
        save_prefix: Begins the names of saved images.
        save_format: "png", "jpeg" or another format of Pillow.

    Raises:
        DataError: A number, a switch or a name is none, or the folder does not exist.
    """

    batch_size: int = 32
    shuffle: bool = True
    seed: int | None = None
    save_to_dir: str | os.PathLike | None = None
    save_prefix: str = ""
    save_format: str = "png"

    def __post_init__(self):
        check_whole("batch_size", self.batch_size, smallest=1)
        if self.seed is not None:
            check_whole("seed", self.seed)
        check_switches(shuffle=self.shuffle)
        self._check_prefix()
        if self.save_to_dir is not None:
            try:
                folder = check_directory(self.save_to_dir)
            except DataError:
                raise DataError(
                    "Expected an existing folder as `save_to_dir`. Received: "
                    f"{self.save_to_dir!r}. Make it first."
                ) from None
            object.__setattr__(self, "save_to_dir", folder)

    def _check_prefix(self) -> None:
        prefix = self.save_prefix
        is_name = isinstance(prefix, str) and not {*"/\\\0"} & {*prefix}
        if not is_name or len(os.fsencode(prefix)) > LONGEST_PREFIX:
            raise DataError(
                "Expected `save_prefix` to begin file names: a text without slashes, "
                f"at most {LONGEST_PREFIX} bytes long. Received: {prefix!r}. Name the "
                "folder by `save_to_dir`."
            )

    def check_format(self, channels: int) -> None:
        """Raise DataError for a format that cannot hold images of so many channels."""
        if self.save_to_dir is None:
            return
        try:
            blank = keras.utils.array_to_img(
                np.zeros((1, 1, channels)), "channels_last", scale=False
            )
            blank.save(io.BytesIO(), Image.registered_extensions()[self.ending])
        except (KeyError, OSError, ValueError):
            raise DataError(
                "Expected `save_format` to be a format that holds images of "
                f"{channels} "
                f"channels, such as 'png'. Received: {self.save_format!r}."
            ) from None

    @property
    def ending(self) -> str:
        """End of the names of saved images."""
        return f".{self.save_format}".lower()


def is_switch(value: Any) -> bool:
    """Say whether a value is one of True and False, or a number for them."""
    return isinstance(value, int | np.bool_) and value in (0, 1)


def check_switches(**switches: Any) -> None:
    """Raise DataError for a value that is neither True nor False: "no" would be True.

    Args:
        **switches: Values by the name of the option.
    """
    for name, value in switches.items():
        if not is_switch(value):
            raise DataError(
                f"Expected `{name}` to be True or False. Received: {value!r}."
            )


def check_whole(name: str, value: Any, smallest: int | None = None) -> None:
    """Raise DataError unless a value is a whole number of at least some size."""
    is_whole = isinstance(value, numbers.Integral)
    if not is_whole or (smallest is not None and value < smallest):
        least = "" if smallest is None else f" of at least {smallest}"
        raise DataError(
            f"Expected `{name}` to be a whole number{least}. Received: {value!r}."
        )
