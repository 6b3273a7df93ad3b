"""The one table of the norms that users choose by name; it imports no Keras.

`make_norm`, the flags, the models, `swap_norm` and the training are made from it: a new
norm takes its layer and one entry here.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

_NORMS = "kerasnorm.layers.norms"


@dataclasses.dataclass(frozen=True)
class NormKind:
    """What is to be known of a norm by name.

    Args:
        layer: The layer's class with its module. Written out, because `--help` lists
            norms and must not wait for Keras.
        help: What it normalizes over, in a few words.
        options: Arguments of the layer that the name decides.
        unneeded: Arguments that norms take and that decide nothing here, so that code
            need not ask which norm it makes.
        also: Other classes whose layers are of this kind in a finished model.
        is_batch_norm: Whether it has the weights and arguments of Keras'
            BatchNormalization, so that one such kind takes over another's statistics.
        has_moving_statistics: Whether inference uses statistics of earlier batches,
            and the layer has a `momentum`.
        shares_statistics: Whether devices that share a batch under TensorFlow agree on
            its moving statistics.
        counts_masked_steps: Whether masked steps of a sequence enter its statistics.
        chooses_groups: Whether it takes `groups`, which must divide the channels.
        has_threshold: Whether it brings an activation that stands for a rectifier.
        with_one_pixel: Kind that stands in for it where a channel has a single number
            per sample, of which it would make a constant.
    """

    layer: str
    help: str
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    unneeded: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    is_batch_norm: bool = False
    has_moving_statistics: bool = False
    shares_statistics: bool = True
    counts_masked_steps: bool = True
    chooses_groups: bool = False
    has_threshold: bool = False
    with_one_pixel: str | None = None


NORM_KINDS: dict[str, NormKind] = {
    "batch": NormKind(
        "keras.layers.BatchNormalization",
        "the batch",
        is_batch_norm=True,
        has_moving_statistics=True,
        counts_masked_steps=False,
    ),
    "sync_batch": NormKind(
        "keras.layers.BatchNormalization",
        "the batch of all devices",
        {"synchronized": True},
        is_batch_norm=True,
        has_moving_statistics=True,
        counts_masked_steps=False,
    ),
    "batch_renorm": NormKind(
        "keras.layers.BatchNormalization",
        "the batch, corrected towards the moving statistics",
        {"renorm": True},
        is_batch_norm=True,
        has_moving_statistics=True,
        shares_statistics=False,
        counts_masked_steps=False,
    ),
    "ghost_batch": NormKind(
        f"{_NORMS}.ghost_batch_norm.GhostBatchNorm",
        "small parts of the batch",
        is_batch_norm=True,
        has_moving_statistics=True,
        shares_statistics=False,
    ),
    "group": NormKind(
        f"{_NORMS}.group_norm.GroupNorm",
        "groups of channels of one sample",
        also=("keras.layers.GroupNormalization",),
        chooses_groups=True,
    ),
    "layer": NormKind(
        f"{_NORMS}.group_norm.GroupNorm",
        "one sample, all pixels and channels",
        {"groups": 1},
        also=("keras.layers.GroupNormalization",),
    ),
    "layer_channels": NormKind(
        "keras.layers.LayerNormalization",
        "the channels of each pixel",
        counts_masked_steps=False,
    ),
    "instance": NormKind(
        f"{_NORMS}.instance_norm.InstanceNorm",
        "one channel of one sample",
        with_one_pixel="layer",
    ),
    "frn": NormKind(
        f"{_NORMS}.filter_response_norm.FilterResponseNorm",
        "mean squares of one channel of one sample",
        has_threshold=True,
    ),
    "switchable": NormKind(
        f"{_NORMS}.switchable_norm.SwitchableNorm",
        "a learned mixture of instance, layer and batch",
        has_moving_statistics=True,
        shares_statistics=False,
    ),
    "none": NormKind(
        "keras.layers.Identity",
        "nothing: norm-free, trained with AGC",
        unneeded=("axis", "epsilon"),
        counts_masked_steps=False,
    ),
}


def find_kind(name: str) -> NormKind:
    """Return what is known of a norm.

    Args:
        name: Its name.

    Raises:
        ValueError: If there is no norm of that name.
    """
    if name not in NORM_KINDS:
        raise ValueError(
            f"Expected the name of a norm, one of {', '.join(NORM_KINDS)}. "
            f"Received: {name!r}."
        )
    return NORM_KINDS[name]


def names_with(trait: str) -> tuple[str, ...]:
    """Return the names of the norms that have a trait.

    Args:
        trait: Name of a field of `NormKind`.

    Example:
        >>> names_with("chooses_groups")
        ('group',)
    """
    return tuple(name for name, kind in NORM_KINDS.items() if getattr(kind, trait))
