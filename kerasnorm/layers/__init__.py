"""Normalization layers and the layers that stand in for them."""
