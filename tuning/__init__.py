"""KerasTuner searches over the apps."""
