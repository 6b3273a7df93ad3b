"""Convolutional networks whose normalization is an argument."""
