"""Drawings of cats and dogs."""
