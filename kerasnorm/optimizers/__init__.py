"""Optimizers, wrappers around optimizers, and learning-rate schedules."""

from kerasnorm.optimizers.agc import AGC
from kerasnorm.optimizers.schedules import WarmupCosine, WarmupStableDecay

__all__ = ["AGC", "WarmupCosine", "WarmupStableDecay"]
