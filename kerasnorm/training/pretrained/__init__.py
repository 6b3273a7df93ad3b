"""Trainings that start from weights: which are taken, and how they are kept."""
