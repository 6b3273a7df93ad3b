"""Normalization layers and the layers that stand in for them."""

from kerasnorm.layers.asymmetric_conv import AsymmetricConv2D
from kerasnorm.layers.channel_scale import ChannelScale
from kerasnorm.layers.factory import make_norm
from kerasnorm.layers.filter_response_norm import FilterResponseNorm
from kerasnorm.layers.ghost_batch_norm import GhostBatchNorm
from kerasnorm.layers.group_norm import GroupNorm, group_count
from kerasnorm.layers.instance_norm import InstanceNorm
from kerasnorm.layers.scaled_weight_standardization import (
    ScaledWSConv2D,
    ScaledWSDepthwiseConv2D,
)
from kerasnorm.layers.skip_init import SkipInit
from kerasnorm.layers.stochastic_depth import StochasticDepth
from kerasnorm.layers.switchable_norm import SwitchableNorm
from kerasnorm.layers.tlu import TLU
from kerasnorm.layers.weight_standardization import WSConv2D

__all__ = [
    "TLU",
    "AsymmetricConv2D",
    "ChannelScale",
    "FilterResponseNorm",
    "GhostBatchNorm",
    "GroupNorm",
    "InstanceNorm",
    "ScaledWSConv2D",
    "ScaledWSDepthwiseConv2D",
    "SkipInit",
    "StochasticDepth",
    "SwitchableNorm",
    "WSConv2D",
    "group_count",
    "make_norm",
]
