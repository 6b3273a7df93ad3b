"""Convolutional networks whose normalization is an argument."""

from kerasnorm.models.convnet import convnet
from kerasnorm.models.multiply_adds import count_multiply_adds

__all__ = ["convnet", "count_multiply_adds"]
