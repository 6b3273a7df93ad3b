"""The one table from the name of a norm to its layer, and `make_norm`."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras

from kerasnorm.layers.norms.filter_response_norm import FilterResponseNorm
from kerasnorm.layers.norms.ghost_batch_norm import GhostBatchNorm
from kerasnorm.layers.norms.group_norm import GroupNorm
from kerasnorm.layers.norms.instance_norm import InstanceNorm
from kerasnorm.layers.norms.switchable_norm import SwitchableNorm

NORMS: dict[str, Callable[..., keras.layers.Layer]] = {
    "batch": keras.layers.BatchNormalization,
    "sync_batch": partial(keras.layers.BatchNormalization, synchronized=True),
    "batch_renorm": partial(keras.layers.BatchNormalization, renorm=True),
    "ghost_batch": GhostBatchNorm,
    "group": GroupNorm,
    "layer": partial(GroupNorm, groups=1),
    "layer_channels": keras.layers.LayerNormalization,
    "instance": InstanceNorm,
    "frn": FilterResponseNorm,
    "switchable": SwitchableNorm,
    "none": keras.layers.Identity,
}


def make_norm(name: str, /, **kwargs: Any) -> keras.layers.Layer:
    """Make the normalization layer of that name.

    Args:
        name: One of `batch`, `sync_batch`, `batch_renorm`, `ghost_batch`, `group`,
            `layer`, `layer_channels`, `instance`, `frn`, `switchable` and `none`.
            `layer` is the layer norm that papers on images compare with: statistics
            of one sample over all pixels and channels. `layer_channels` is
            `keras.layers.LayerNormalization`, as in transformers and ConvNeXt:
            statistics of the channels of each pixel. `batch` and its two variants are
            Keras' own layer; `none` is an identity.
        **kwargs: Arguments of the layer, handed on unchanged.

    Raises:
        ValueError: If the name is unknown, or an argument is one that the name
            itself decides.

    Example:
        >>> make_norm("group", groups=8, name="stem_norm")
    """
    if name not in NORMS:
        raise ValueError(
            f"Expected the name of a norm, one of {', '.join(NORMS)}. "
            f"Received: {name!r}."
        )
    make = NORMS[name]
    if isinstance(make, partial):
        decided = sorted(make.keywords.keys() & kwargs.keys())
        if decided:
            raise ValueError(
                f"Expected no {' or '.join(decided)} beside {name!r}, which means "
                f"{make.func.__name__} with {make.keywords}. Received: "
                f"{decided[0]}={kwargs[decided[0]]!r}; make that layer itself."
            )
    return make(**kwargs)
