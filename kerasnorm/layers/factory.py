"""The one table from the name of a norm to its layer, and `make_norm`."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras

from kerasnorm.layers.filter_response_norm import FilterResponseNorm
from kerasnorm.layers.ghost_batch_norm import GhostBatchNorm
from kerasnorm.layers.group_norm import GroupNorm
from kerasnorm.layers.instance_norm import InstanceNorm
from kerasnorm.layers.switchable_norm import SwitchableNorm

NORMS: dict[str, Callable[..., keras.layers.Layer]] = {
    "batch": keras.layers.BatchNormalization,
    "sync_batch": partial(keras.layers.BatchNormalization, synchronized=True),
    "batch_renorm": partial(keras.layers.BatchNormalization, renorm=True),
    "ghost_batch": GhostBatchNorm,
    "group": GroupNorm,
    "layer": keras.layers.LayerNormalization,
    "instance": InstanceNorm,
    "frn": FilterResponseNorm,
    "switchable": SwitchableNorm,
    "none": keras.layers.Identity,
}


def make_norm(name: str, /, **kwargs: Any) -> keras.layers.Layer:
    """Make the normalization layer of that name.

    Args:
        name: One of `batch`, `sync_batch`, `batch_renorm`, `ghost_batch`, `group`,
            `layer`, `instance`, `frn`, `switchable` and `none`. `batch`, its two
            variants and `layer` are Keras' own layers; `none` is an identity.
        **kwargs: Arguments of the layer, handed on unchanged.

    Raises:
        ValueError: If the name is unknown.

    Example:
        >>> make_norm("group", groups=8, name="stem_norm")
    """
    if name not in NORMS:
        raise ValueError(
            f"Expected the name of a norm, one of {', '.join(NORMS)}. "
            f"Received: {name!r}."
        )
    return NORMS[name](**kwargs)
