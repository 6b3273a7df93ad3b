"""The processes of a search: who starts, watches, replaces them, what they do."""
