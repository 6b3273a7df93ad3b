"""What the operating system gives: streams, paths, locks, files, quiet imports."""
