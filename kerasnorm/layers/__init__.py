"""Normalization layers and the layers that stand in for them."""

from kerasnorm.layers.channel_scale import ChannelScale
from kerasnorm.layers.convolutions.asymmetric_conv import AsymmetricConv2D
from kerasnorm.layers.convolutions.scaled_ws_conv import (
    ScaledWSConv2D,
    ScaledWSDepthwiseConv2D,
)
from kerasnorm.layers.convolutions.ws_conv import WSConv2D
from kerasnorm.layers.factory import make_norm
from kerasnorm.layers.norms.batch_norm import BatchNorm
from kerasnorm.layers.norms.filter_response_norm import FilterResponseNorm
from kerasnorm.layers.norms.ghost_batch_norm import GhostBatchNorm
from kerasnorm.layers.norms.group_norm import GroupNorm, group_count
from kerasnorm.layers.norms.instance_norm import InstanceNorm
from kerasnorm.layers.norms.switchable_norm import SwitchableNorm
from kerasnorm.layers.norms.tlu import TLU
from kerasnorm.layers.skip_init import SkipInit
from kerasnorm.layers.stochastic_depth import StochasticDepth

__all__ = [
    "TLU",
    "AsymmetricConv2D",
    "BatchNorm",
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
