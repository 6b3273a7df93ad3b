"""Reads the masks of outputs, and gives them to other outputs."""

from typing import Any

import keras
from keras import ops


class MaskReader(keras.layers.Layer):
    """Give the mask of a tensor as a tensor: true everywhere where there is none."""

    def __init__(self) -> None:
        super().__init__(autocast=False)
        self.supports_masking, self.found = True, False

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Return the mask."""
        self.found = mask is not None
        if mask is None:
            return ops.ones(ops.shape(inputs)[:1], "bool")
        return ops.cast(mask, "bool")

    def compute_mask(self, inputs: Any, previous_mask: Any) -> None:
        """Return none: a mask has no mask."""


class Masked(keras.layers.Layer):
    """Give a tensor a mask.

    Args:
        mask: The mask as an array, None for none.
    """

    def __init__(self, mask: Any) -> None:
        super().__init__(autocast=False)
        self.supports_masking = True
        self.mask = None if mask is None else ops.convert_to_tensor(mask)

    def call(self, inputs: Any) -> Any:
        """Return the values."""
        return ops.copy(inputs)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Return the mask."""
        return self.mask


def has_mask(tensor: Any) -> bool:
    """Return whether a tensor carries a mask.

    Args:
        tensor: A tensor as a model gives it.
    """
    reader = MaskReader()
    reader(tensor)
    return reader.found
