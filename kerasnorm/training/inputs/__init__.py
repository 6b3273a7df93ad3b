"""The images of a run: which train, validate and test, decoded and in batches."""
