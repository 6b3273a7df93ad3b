"""Watches the trainings of scripts and notebooks that know nothing of it."""
