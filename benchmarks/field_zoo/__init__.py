"""Ordinary trainings with known causes, and how often the doctor names them."""
