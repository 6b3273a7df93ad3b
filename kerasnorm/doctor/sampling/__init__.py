"""A bounded sample of training and validation, and how it was batched."""
