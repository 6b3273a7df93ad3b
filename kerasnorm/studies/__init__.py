"""Studies: a grid of trainings whose rows grow run by run, with figure and page."""
