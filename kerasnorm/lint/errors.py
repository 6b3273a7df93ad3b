"""What cannot be read."""


class UnreadableError(ValueError):
    """A file that is no script in Python 3, with the reason in one sentence."""
