"""Optimizers, wrappers around optimizers, and learning-rate schedules."""
