"""Reads training scripts without running them, and names what would harm a training.

Nothing in here imports Keras or TensorFlow.
"""
