"""The names of the ways to keep decoded images."""

CACHES = ("auto", "memory", "disk", "none")
