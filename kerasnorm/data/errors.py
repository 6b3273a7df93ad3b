"""The two errors of this subpackage: wrong data, and one image that cannot be used."""


class DataError(ValueError):
    """Say in one sentence what is wrong with the user's data and how to fix it.

    Apps print the message alone; everything a user can fix without reading code is
    raised as this class or a subclass.
    """


class ImageError(DataError):
    """Say why one file cannot become an image.

    Args:
        path: The file.
        reason: A few words, as they appear in the list of rejected files.

    Example:
        >>> error = ImageError("cat/3.jpg", "the file is empty")
        >>> str(error)
        'cat/3.jpg: the file is empty'
    """

    def __init__(self, path: str, reason: str):
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason

    def __reduce__(self):
        return type(self), (self.path, self.reason)


def problem_of(error: Exception) -> str:
    """Say in a few words why a file cannot be read or written.

    Args:
        error: What Python or a library raised; its text is kept where it is of use.

    Example:
        >>> problem_of(FileNotFoundError(2, "No such file or directory", "a.yaml"))
        'it does not exist'
    """
    if isinstance(error, FileNotFoundError):
        return "it does not exist"
    if isinstance(error, IsADirectoryError):
        return "it is a folder"
    if isinstance(error, PermissionError):
        return "it may not be opened with the rights of this user"
    if isinstance(error, UnicodeDecodeError):
        return "it is not text in UTF-8"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
