"""Images as uint8, in memory, on disk or decoded for each batch."""
