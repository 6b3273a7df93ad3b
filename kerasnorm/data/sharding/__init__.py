"""Writes the images of any source into WebDataset shards."""
