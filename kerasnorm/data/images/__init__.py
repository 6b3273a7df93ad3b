"""Image files to arrays: decoding, and decoded images in memory or on disk."""
