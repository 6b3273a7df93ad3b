"""Convolutions with standardized or asymmetric kernels."""
