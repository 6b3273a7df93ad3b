"""Changes to finished Keras models: swap, fold and recalibrate norms."""
