"""Decoded images to batches, as datasets of TensorFlow."""
