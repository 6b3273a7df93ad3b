"""Training scripts as people write them, with one known cause of trouble or none."""
