"""Short trainings of new copies at several learning rates."""
