"""The training itself: fit, progress, signals, resume, NaN and infinite numbers."""
