"""Hands on the recalibration of batch norms, which callbacks need as well."""

from kerasnorm.callbacks.recalibration import recalibrate_batch_norm

__all__ = ["recalibrate_batch_norm"]
