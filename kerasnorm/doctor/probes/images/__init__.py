"""Properties of images that differ, predict labels or go with errors."""
