"""Ready-made trainings, one file per task: `python -m apps.cats_dogs`."""
