"""Measures what the checks read, one thing after another, until time is up."""
