"""Layers that normalize, and the arithmetic that they share."""
