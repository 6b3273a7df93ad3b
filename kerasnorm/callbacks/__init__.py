"""Callbacks for `keras.Model.fit`."""

from kerasnorm.callbacks.checkpoint import Checkpoint, TrainingPosition
from kerasnorm.callbacks.early_stopping import EarlyStopping
from kerasnorm.callbacks.learning_rate_finder import LearningRateFinder
from kerasnorm.callbacks.learning_rate_log import LearningRateLog
from kerasnorm.callbacks.norm_statistics import NormStatistics
from kerasnorm.callbacks.recalibration import RecalibrateBatchNorm
from kerasnorm.callbacks.throughput import Throughput
from kerasnorm.callbacks.time_aware_schedule import TimeAwareSchedule
from kerasnorm.callbacks.time_limit import TimeLimit

__all__ = [
    "Checkpoint",
    "EarlyStopping",
    "LearningRateFinder",
    "LearningRateLog",
    "NormStatistics",
    "RecalibrateBatchNorm",
    "Throughput",
    "TimeAwareSchedule",
    "TimeLimit",
    "TrainingPosition",
]
