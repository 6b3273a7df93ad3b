"""Judges which samples the network gets wrong, and by what it recognizes them."""
