"""What every HTML page shares: the template and the formatting of values."""
