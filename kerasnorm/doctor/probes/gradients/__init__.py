"""Gradients of a batch, and how fast the loss changes along them."""
