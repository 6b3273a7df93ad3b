"""What ended the reading of images, which TensorFlow passes on as a text of its own."""

import contextlib
from collections.abc import Iterator

from kerasnorm.data.errors import DataError
from kerasnorm.data.images.decoded_images import DecodedImages


def failure_of(*images: DecodedImages | None) -> DataError | None:
    """Return what ended the reading of images; None if nothing did.

    Args:
        *images: The images, None for those that there are not.
    """
    for decoded in images:
        failure = getattr(decoded and decoded.images, "failure", None)
        if failure is not None:
            return failure
    return None


@contextlib.contextmanager
def failures_in_words(*images: DecodedImages | None) -> Iterator[None]:
    """Raise what ended the reading of images in place of the error of a dataset.

    Args:
        *images: Images that are read in the `with` block.

    Raises:
        DataError: A file had changed or vanished.
    """
    try:
        yield
    except Exception as error:
        failure = failure_of(*images)
        if failure is None:
            raise
        raise failure from error
