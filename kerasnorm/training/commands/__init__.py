"""Commands over runs and model files: train, evaluate, predict, doctor, recalibrate."""
