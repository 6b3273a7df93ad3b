"""The loss as the model itself counts it, for samples or for whole batches."""
