"""What is known of the images of an index, and where their pixels lie."""

import dataclasses

import numpy as np

from kerasnorm.data.errors import DataError, ImageError
from kerasnorm.data.sources.index import ImageIndex
from kerasnorm.data.store.folder import StoreFolder
from kerasnorm.data.store.items import stamp_now
from kerasnorm.data.store.journal import NOT_KEPT, REJECTED, UNKNOWN, look_up
from kerasnorm.data.store.keys import image_keys

# An image that changes more often while it is looked at is not usable.
TRIES = 5


@dataclasses.dataclass
class Holding:
    """Images of an index, each with its stamp and its row in a store.

    Args:
        index: The images.
        stamps: Their stamps, (images, numbers).
        keys: Their keys, (images, 2).
        rows: Row of each in the store, or `NOT_KEPT`, `REJECTED` or `UNKNOWN`.
        checksums: Of the pixels of each.
        reasons: Why files were rejected, by position.
    """

    index: ImageIndex
    stamps: np.ndarray
    keys: np.ndarray
    rows: np.ndarray
    checksums: np.ndarray
    reasons: dict[int, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, index: ImageIndex) -> "Holding":
        """Return the images as they are now, of which nothing else is known yet.

        Args:
            index: The images.
        """
        stamps, count = index.items.stamps(), len(index)
        rows, checksums = np.full(count, UNKNOWN), np.zeros(count, np.uint32)
        keys = image_keys(index.paths, index.root, stamps)
        return cls(index, stamps, keys, rows, checksums)

    def __len__(self) -> int:
        return len(self.index)

    def recall(self, folder: StoreFolder) -> None:
        """Look up what a store holds by now.

        Args:
            folder: The store.
        """
        self.rows, self.checksums = look_up(folder.records(), self.keys)
        rejected = np.flatnonzero(self.rows == REJECTED).tolist()
        reasons = folder.rejected() if rejected else {}
        self.reasons = {}
        for position in rejected:
            reason = reasons.get(self.keys[position].tobytes().hex())
            if reason is None:
                self.rows[position] = UNKNOWN
            else:
                self.reasons[position] = reason

    def missing(self, *, with_pixels: bool) -> np.ndarray:
        """Return the positions of images that have to be decoded.

        Args:
            with_pixels: Whether those count, too, of which the store knows that they
                are images and has no pixels.
        """
        absent = (UNKNOWN, NOT_KEPT) if with_pixels else (UNKNOWN,)
        return np.flatnonzero(np.isin(self.rows, absent))

    @property
    def rejected(self) -> tuple[tuple[str, str], ...]:
        """Files that are no images, each with the reason."""
        paths = self.index.paths
        return tuple((paths[p], self.reasons[p]) for p in sorted(self.reasons))

    def take(self, positions: np.ndarray) -> "Holding":
        """Return some of the images.

        Args:
            positions: Which, in their order.
        """
        if len(positions) == len(self):
            return self
        arrays = (self.stamps, self.keys, self.rows, self.checksums)
        return Holding(
            self.index.take(positions), *(array[positions] for array in arrays)
        )

    def decode(
        self, position: int, image_size: tuple[int, int], max_pixels: int
    ) -> np.ndarray:
        """Decode an image as it is now, which need not be as it was a moment ago.

        Args:
            position: Which of them.
            image_size: Height and width in pixels.
            max_pixels: Larger images are rejected.

        Returns:
            Array of uint8, (height, width, 3), that stamp and key belong to.

        Raises:
            ImageError: It is no usable image.
        """
        for _ in range(TRIES):
            image = self.index.decode(position, image_size, max_pixels=max_pixels)
            now = stamp_now(self.index, position)
            if np.array_equal(now, self.stamps[position]):
                return image
            if not now.any():
                break
            self.stamps[position] = now
            one = slice(position, position + 1)
            path, root = self.index.paths[position], self.index.root
            self.keys[one] = image_keys([path], root, self.stamps[one])
        raise ImageError(self.index.paths[position], "it changes while it is read")


def check_classes(holding: Holding) -> None:
    """Raise DataError where a class has lost all its files.

    Args:
        holding: Images that have all been looked at.
    """
    index = holding.index
    kept = np.bincount(
        index.labels[holding.rows != REJECTED], minlength=len(index.class_names)
    )
    files = np.bincount(index.labels, minlength=len(index.class_names))
    for label in np.flatnonzero((files > 0) & (kept == 0)):
        position = int(np.flatnonzero(index.labels == label)[0])
        raise DataError(
            f"Expected a usable image of class {index.class_names[label]!r}, but none "
            f"of its {files[label]} files is one (the first: {index.paths[position]}: "
            f"{holding.reasons[position]}). Replace them."
        )
