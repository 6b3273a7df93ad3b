"""What a user did wrong, as opposed to what went wrong: exit status 2, not 1."""


class UsageError(ValueError):
    """A flag, a setting or a combination of them that cannot be used.

    The message is one sentence for the user: what was expected, what was received
    and how to fix it. Command lines print it and exit with status 2.
    """
