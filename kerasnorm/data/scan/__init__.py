"""Examines the files of a folder: which can train, what is odd, what is duplicated."""
