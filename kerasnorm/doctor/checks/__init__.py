"""What the measurements mean: pure functions from measurements to findings."""
