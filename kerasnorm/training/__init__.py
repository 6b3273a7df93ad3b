"""From settings to a trained model and its run directory."""
