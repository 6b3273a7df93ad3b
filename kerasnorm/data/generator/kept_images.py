"""Where ImageDataGenerator keeps decoded files: in memory, or in a store on disk."""

import abc
import logging
import os
import threading
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasnorm.data.errors import problem_of
from kerasnorm.data.images.decoded_images import aligned_array
from kerasnorm.data.items.items import FileItems, stamp_of
from kerasnorm.data.store import space
from kerasnorm.data.store.folder import StoreFolder
from kerasnorm.data.store.journal import NOT_KEPT, look_up, make_records
from kerasnorm.data.store.keys import image_keys, name_of

LOG = logging.getLogger(__name__)
# Others write for a moment at a time.
WRITER_SECONDS = 10.0


class KeptImages(abc.ABC):
    """Decoded images by their position.

    Args:
        image_shape: (height, width, channels) of each.
        dtype: Type of the pixels; deeper images are not kept.
    """

    def __init__(self, image_shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.image_shape, self.dtype = image_shape, dtype

    @abc.abstractmethod
    def get(self, sample: int) -> np.ndarray | None:
        """Return an image; None where it is not kept.

        Args:
            sample: Its position.
        """

    def put(self, samples: Sequence[int], images: Sequence[np.ndarray]) -> None:
        """Keep images as far as that is possible.

        Args:
            samples: Their positions.
            images: As they were decoded.
        """
        fitting = [
            (sample, image)
            for sample, image in zip(samples, images, strict=True)
            if np.can_cast(image.dtype, self.dtype)
        ]
        if fitting:
            self._put(*zip(*fitting, strict=True))

    @abc.abstractmethod
    def _put(self, samples: Sequence[int], images: Sequence[np.ndarray]) -> None:
        """Keep images whose type is small enough."""

    @abc.abstractmethod
    def drop(self, stay: np.ndarray) -> None:
        """Forget all but some of the images, which are numbered anew.

        Args:
            stay: Positions of those that stay, in order.
        """


class InMemory(KeptImages):
    """Decoded images in memory.

    Args:
        count: How many there are.
        image_shape: (height, width, channels) of each.
        dtype: Type of the pixels; deeper images are not kept.
    """

    def __init__(
        self, count: int, image_shape: tuple[int, ...], dtype: np.dtype
    ) -> None:
        super().__init__(image_shape, dtype)
        self._images = aligned_array((count, *image_shape), dtype)
        self._is_kept = np.zeros(count, bool)

    def get(self, sample: int) -> np.ndarray | None:
        """Return an image; None where it is not kept.

        Args:
            sample: Its position.
        """
        return self._images[sample] if self._is_kept[sample] else None

    def take(self, samples: np.ndarray) -> np.ndarray | None:
        """Return images as an array; None where not all are kept.

        Args:
            samples: Their positions.
        """
        if not np.all(self._is_kept[samples]):
            return None
        return np.take(self._images, samples, axis=0)

    def _put(self, samples: Sequence[int], images: Sequence[np.ndarray]) -> None:
        for sample, image in zip(samples, images, strict=True):
            self._images[sample] = image
            self._is_kept[sample] = True

    def drop(self, stay: np.ndarray) -> None:
        """Forget all but some of the images, which are numbered anew.

        Args:
            stay: Positions of those that stay, in order.
        """
        self._is_kept = self._is_kept[stay]
        # Moved down one by one: a second array might not fit.
        for place, source in enumerate(stay):
            if place != source:
                self._images[place] = self._images[source]


class OnDisk(KeptImages):
    """Decoded images in the store of their folder, which other iterators share.

    It is written as images are first asked for, by several processes in turn. An image
    counts as what its file was when this was made: pixels of a file that has changed
    since are not kept.

    Args:
        paths: The files.
        root: Folder that they lie in; "" where they have none in common.
        decoding: What else decides the pixels.
        image_shape: (height, width, channels) of each.
        dtype: Type of the pixels; deeper images are not kept.
    """

    def __init__(
        self,
        paths: Sequence[str],
        root: str,
        decoding: dict[str, Any],
        image_shape: tuple[int, ...],
        dtype: np.dtype,
    ) -> None:
        super().__init__(image_shape, dtype)
        if not root:
            paths = [os.path.abspath(path) for path in paths]
        self._paths = FileItems(paths).paths
        self._stamps = FileItems(paths).stamps()
        self._keys = image_keys(self._paths, root, self._stamps)
        self._image_bytes = int(np.prod(image_shape)) * dtype.itemsize
        self._made_from = {
            "root": os.path.realpath(root) if root else "",
            "image_size": list(image_shape[:2]),
            "image_bytes": self._image_bytes,
            "dtype": str(dtype),
            **decoding,
        }
        self._turn, self._folder = threading.Lock(), self._open()
        self._recall()
        self._is_full = self._folder is None or not self._has_room()

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_folder": None, "_turn": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._turn, self._folder = threading.Lock(), self._open()
        self._recall()

    def _open(self) -> StoreFolder | None:
        try:
            path = space.stores_directory() / name_of(self._made_from)
            return StoreFolder(path, self._made_from)
        except OSError as error:
            self._warn(f"the cache directory cannot be used: {problem_of(error)}")
            return None

    def _recall(self) -> None:
        self._rows = np.full(len(self._keys), NOT_KEPT)
        self._checksums = np.zeros(len(self._keys), np.uint32)
        self._is_verified = np.zeros(len(self._keys), bool)
        if self._folder is not None:
            self._rows, self._checksums = look_up(self._folder.records(), self._keys)

    def _has_room(self) -> bool:
        folder, missing = self._folder, int(np.count_nonzero(self._rows < 0))
        if folder is None or not missing:
            return True
        if not folder.is_writeable:
            self._warn(f"{folder.path} cannot be written")
            return False
        try:
            if space.make_room(folder.path, missing * self._image_bytes, None):
                return True
            most = space.amount(space.allowed(None))
            self._warn(f"the cache may take {most} of the disk")
        except OSError as error:
            self._warn(problem_of(error))
        return False

    def _warn(self, problem: str) -> None:
        LOG.warning(
            "Decoded images cannot all be kept on disk and are decoded for each "
            "batch: %s.",
            problem,
        )

    def get(self, sample: int) -> np.ndarray | None:
        """Return an image; None where the store has it not, or in a damaged form.

        Args:
            sample: Its position.
        """
        row = int(self._rows[sample])
        if row < 0 or self._folder is None:
            return None
        image = np.empty((1, *self.image_shape), self.dtype)
        content = image.view(np.uint8)
        whole = self._folder.read(row, content)
        if whole and not self._is_verified[sample]:
            whole = zlib.crc32(content.reshape(-1).data) == self._checksums[sample]
            self._is_verified[sample] = whole
        if not whole:
            self._rows[sample] = NOT_KEPT
            return None
        return image[0]

    def _put(self, samples: Sequence[int], images: Sequence[np.ndarray]) -> None:
        if self._is_full or self._folder is None:
            return
        with self._turn:
            lock = self._folder.writer(WRITER_SECONDS)
            if lock is None:
                return
            with lock:
                try:
                    self._write(self._folder, samples, images)
                except OSError as error:
                    self._is_full = True
                    self._warn(problem_of(error))

    def _write(
        self,
        folder: StoreFolder,
        samples: Sequence[int],
        images: Sequence[np.ndarray],
    ) -> None:
        """Write images whose files are still what they were."""
        unchanged = [
            (sample, image)
            for sample, image in zip(samples, images, strict=True)
            if self._rows[sample] < 0
            and stamp_of(self._paths[sample]) == tuple(self._stamps[sample])
        ]
        if not unchanged:
            return
        places = [sample for sample, _ in unchanged]
        pixels = np.stack([image.astype(self.dtype) for _, image in unchanged])
        content = pixels.reshape(len(places), -1).view(np.uint8)
        rows = folder.next_row(self._image_bytes) + np.arange(len(places))
        sums = np.array([zlib.crc32(one.data) for one in content], np.uint32)
        folder.write(int(rows[0]), content)
        folder.append(make_records(self._keys[places], rows, sums))
        self._checksums[places], self._rows[places] = sums, rows

    def drop(self, stay: np.ndarray) -> None:
        """Forget all but some of the images, which are numbered anew.

        Args:
            stay: Positions of those that stay, in order.
        """
        self._paths, self._stamps = self._paths.take(stay), self._stamps[stay]
        self._keys, self._rows = self._keys[stay], self._rows[stay]
        self._checksums = self._checksums[stay]
        self._is_verified = self._is_verified[stay]
