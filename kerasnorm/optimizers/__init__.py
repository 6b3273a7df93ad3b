"""Optimizers, wrappers around optimizers, and learning-rate schedules."""

from kerasnorm.optimizers.ada_pnm import AdaPNM
from kerasnorm.optimizers.agc import AGC
from kerasnorm.optimizers.gradient_centralization import GradientCentralization
from kerasnorm.optimizers.layer_rates import LayerRates, rising_rates
from kerasnorm.optimizers.lookahead import Lookahead
from kerasnorm.optimizers.muon import Muon
from kerasnorm.optimizers.ranger21 import Ranger21
from kerasnorm.optimizers.sam import SAM
from kerasnorm.optimizers.schedules import WarmupCosine, WarmupStableDecay

__all__ = [
    "AGC",
    "SAM",
    "AdaPNM",
    "GradientCentralization",
    "LayerRates",
    "Lookahead",
    "Muon",
    "Ranger21",
    "WarmupCosine",
    "WarmupStableDecay",
    "rising_rates",
]
