"""Normalization layers and the layers that stand in for them."""

from kerasnorm.layers.factory import make_norm
from kerasnorm.layers.filter_response_norm import FilterResponseNorm
from kerasnorm.layers.ghost_batch_norm import GhostBatchNorm
from kerasnorm.layers.group_norm import GroupNorm, group_count
from kerasnorm.layers.instance_norm import InstanceNorm
from kerasnorm.layers.switchable_norm import SwitchableNorm
from kerasnorm.layers.tlu import TLU

__all__ = [
    "TLU",
    "FilterResponseNorm",
    "GhostBatchNorm",
    "GroupNorm",
    "InstanceNorm",
    "SwitchableNorm",
    "group_count",
    "make_norm",
]
