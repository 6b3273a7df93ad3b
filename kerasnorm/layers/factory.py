"""From the name of a norm to its layer: `make_norm`."""

import functools
import pydoc
from typing import Any

import keras

from kerasnorm.norm_kinds import find_kind


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
    kind = find_kind(name)
    make = layer_class(kind.layer)
    decided = sorted(kind.options.keys() & kwargs.keys())
    if decided:
        raise ValueError(
            f"Expected no {' or '.join(decided)} beside {name!r}, which means "
            f"{make.__name__} with {dict(kind.options)}. Received: "
            f"{decided[0]}={kwargs[decided[0]]!r}; make that layer itself."
        )
    return make(**kind.options, **kwargs)


@functools.cache
def layer_class(path: str) -> type[keras.layers.Layer]:
    """Return the class that an entry of `NORM_KINDS` names.

    Args:
        path: Its module and name.
    """
    found: Any = pydoc.locate(path)
    return found
