"""What the doctor measures, one subject a file; nothing here judges."""
