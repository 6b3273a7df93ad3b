"""Weights that were trained before: read from files, and put where they fit."""
