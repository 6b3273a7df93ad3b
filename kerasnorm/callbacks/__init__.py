"""Callbacks for `keras.Model.fit`."""

from kerasnorm.callbacks.early_stopping import EarlyStopping
from kerasnorm.callbacks.learning_rate_log import LearningRateLog
from kerasnorm.callbacks.monitor import Monitor
from kerasnorm.callbacks.throughput import Throughput
from kerasnorm.callbacks.time_limit import TimeLimit

__all__ = [
    "EarlyStopping",
    "LearningRateLog",
    "Monitor",
    "Throughput",
    "TimeLimit",
]
