"""Looks for crops and edits of one photo in both splits."""
