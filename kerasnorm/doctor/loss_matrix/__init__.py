"""The same weights under every kind of statistics: losses, scores, gap budget."""
