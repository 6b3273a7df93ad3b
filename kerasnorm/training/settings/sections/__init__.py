"""The settings, a module for each section of `--help`."""
