"""Changes to finished Keras models: swap, fold and recalibrate norms."""

from kerasnorm.inspection.moving_statistics import recalibrate_batch_norm
from kerasnorm.surgery.fold import fold_batch_norm
from kerasnorm.surgery.fold_difference import compare_folded
from kerasnorm.surgery.fuse import fuse_asymmetric
from kerasnorm.surgery.fused_batch_norm import use_fused_batch_norm
from kerasnorm.surgery.locate import NormSite, find_norms
from kerasnorm.surgery.report import Swap, SwapReport
from kerasnorm.surgery.swap import swap_norm

__all__ = [
    "NormSite",
    "Swap",
    "SwapReport",
    "compare_folded",
    "find_norms",
    "fold_batch_norm",
    "fuse_asymmetric",
    "recalibrate_batch_norm",
    "swap_norm",
    "use_fused_batch_norm",
]
