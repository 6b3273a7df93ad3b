"""Looks at every file of a folder and says which can train, and why others cannot."""

import concurrent.futures
import dataclasses
import os

from kerasnorm.data.decode import MAX_PIXELS, QuietPillow, open_picture
from kerasnorm.data.errors import PictureError
from kerasnorm.data.index import check_directory
from kerasnorm.data.pictures import workers_or


@dataclasses.dataclass(frozen=True)
class ImageScan:
    """Result of a scan.

    Args:
        accepted: Paths that decode.
        rejected: Paths that do not, each with the reason.
    """

    accepted: tuple[str, ...]
    rejected: tuple[tuple[str, str], ...]


def scan_images(
    directory: str | os.PathLike, *, max_pixels: int = MAX_PIXELS
) -> ImageScan:
    """Decode every file below a folder and report what cannot be used.

    Args:
        directory: The folder; nothing in it is changed.
        max_pixels: Larger pictures are rejected before they are decoded.

    Returns:
        Accepted and rejected files.

    Raises:
        DataError: There is no such folder.
    """
    directory = check_directory(directory)
    paths = [
        os.path.join(root, name)
        for root, folders, names in os.walk(directory)
        for name in names
    ]
    paths.sort()

    def reason(path: str) -> str | None:
        try:
            open_picture(path, max_pixels=max_pixels)
        except PictureError as error:
            return error.reason
        return None

    with QuietPillow(), concurrent.futures.ThreadPoolExecutor(workers_or(None)) as pool:
        reasons = list(pool.map(reason, paths))
    found = list(zip(paths, reasons, strict=True))
    return ImageScan(
        tuple(path for path, reason in found if reason is None),
        tuple((path, reason) for path, reason in found if reason is not None),
    )
