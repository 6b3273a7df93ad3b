"""From the name of a norm to its layer: `make_norm`."""

import functools
import inspect
import pydoc
from typing import Any

import keras

from kerasnorm.layers.norms.batch_norm import BatchNorm
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
            Keras' own layer, or `BatchNorm` where it would lose the range of its inputs
            (float16) or the moving statistics (weights in half precision). `none` is
            an identity, and takes the `axis` and the `epsilon` of the others without
            needing them.
        **kwargs: Arguments of the layer, handed on unchanged.

    Raises:
        ValueError: If the name is unknown, or an argument is one that the name
            itself decides or that the layer does not have.

    Example:
        >>> make_norm("group", groups=8, name="stem_norm")
    """
    kind = find_kind(name)
    make = layer_class(kind.layer)
    if make is keras.layers.BatchNormalization and _is_narrow(kwargs.get("dtype")):
        make = BatchNorm
    decided = sorted(kind.options.keys() & kwargs.keys())
    if decided:
        raise ValueError(
            f"Expected no {' or '.join(decided)} beside {name!r}, which means "
            f"{make.__name__} with {dict(kind.options)}. Received: "
            f"{decided[0]}={kwargs[decided[0]]!r}; make that layer itself."
        )
    options = {k: v for k, v in kwargs.items() if k not in kind.unneeded}
    try:
        return make(**kind.options, **options)
    except (TypeError, ValueError) as error:
        known = _arguments_of(kind.layer)
        unknown = sorted(options.keys() - known)
        if not unknown:
            raise
        raise ValueError(
            f"Expected arguments of {make.__name__}, which {name!r} means: "
            f"{', '.join(sorted(known))}. Received: "
            f"{unknown[0]}={options[unknown[0]]!r}; leave it out or choose a norm "
            "that takes it."
        ) from error


def _is_narrow(dtype: Any) -> bool:
    """Say whether a dtype policy has less range or digits than batch statistics need.

    Args:
        dtype: Policy as layers take it, None for the global one.
    """
    policy = keras.dtype_policies.get(dtype)
    has_short_weights = policy.variable_dtype in ("float16", "bfloat16")
    return has_short_weights or policy.compute_dtype == "float16"


@functools.cache
def layer_class(path: str) -> type[keras.layers.Layer]:
    """Return the class that an entry of `NORM_KINDS` names.

    Args:
        path: Its module and name.
    """
    found: Any = pydoc.locate(path)
    return found


@functools.cache
def _arguments_of(path: str) -> frozenset[str]:
    """Name what a layer's constructor takes, itself or by handing it on."""
    bases = [vars(base) for base in layer_class(path).__mro__ if base is not object]
    constructors = [names["__init__"] for names in bases if "__init__" in names]
    parameters = [
        parameter
        for constructor in constructors
        for parameter in inspect.signature(constructor).parameters.values()
    ]
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return frozenset(p.name for p in parameters if p.kind in kinds) - {"self"}
