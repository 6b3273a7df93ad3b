"""Measures how many validation samples are also in the training data."""

import collections
import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasnorm.doctor.sampling.samples import Samples, arrays_of

# Side of the thumbnails that are compared.
THUMBNAIL = 12
# Re-encoding, or flipping twice, leaves thumbnails this similar; other images of the
# same kind reach 0.97 at most on the data this was tried on.
SAME_PICTURE = 0.995
# Images of no more values than this are drawings, not photos.
FEW_VALUES = 8


@dataclass(frozen=True)
class Overlap:
    """How many validation samples have a twin.

    Args:
        exact: Fraction of validation samples whose values are in the training data.
        exact_inside: Fraction that have a twin in their own split: what so few values
            repeat anyway; of images only those of a handful of values, since others
            do not repeat by chance.
        similar: Fraction whose thumbnail, or its mirror image, is; at least `exact`.
        similar_inside: The same fraction looked for inside the training data: what the
            data have of twins anyway.
        compared: Training and validation samples compared.
    """

    exact: float
    similar: float
    similar_inside: float
    compared: tuple[int, int]
    exact_inside: float = 0.0


def measure_overlap(train: Samples, validation: Samples) -> Overlap | None:
    """Look for validation samples among the training samples taken.

    Args:
        train: Training samples; only those taken are compared, so the fraction found is
            a lower limit when the epoch is longer.
        validation: Validation samples.

    Returns:
        The fractions, None for inputs that cannot be compared.
    """
    shapes = [
        [a.shape[1:] for a in arrays_of(samples.x)] for samples in (train, validation)
    ]
    if shapes[0] != shapes[1]:
        return None
    hashes, others = _hashes(train), _hashes(validation)
    known = set(hashes)
    found = np.array([value in known for value in others])
    exact = float((found & ~_are_constant(validation)).mean())
    train_images, validation_images = train.images(), validation.images()
    compared = train.count, validation.count
    if train_images is None or validation_images is None:
        # An endless stream of training samples repeats all of them.
        values = hashes if train.num_batches is not None else others
        return Overlap(exact, exact, 0.0, compared, _fraction_of_twins(values))
    # Photos that repeat were repeated; drawings of few values repeat by chance.
    chance = _fraction_of_twins(hashes, _hold_few_values(train_images, hashes))
    if min(train_images.shape[1:3]) < THUMBNAIL:
        return Overlap(exact, exact, 0.0, compared, chance)
    thumbnails = _thumbnails(train_images)
    similar = _fraction_with_twin(_thumbnails(validation_images), thumbnails, None)
    inside = _fraction_with_twin(thumbnails, thumbnails, np.arange(len(thumbnails)))
    return Overlap(exact, max(exact, similar), inside, compared, chance)


def _fraction_of_twins(hashes: list[bytes], counted: set[bytes] | None = None) -> float:
    counts = collections.Counter(hashes)
    twins = {h: n for h, n in counts.items() if n > 1}
    found = sum(n for h, n in twins.items() if counted is None or h in counted)
    return found / len(hashes)


def _hold_few_values(images: np.ndarray, hashes: list[bytes]) -> set[bytes]:
    """Return the hashes of repeated images that hold a handful of values."""
    first = {value: place for place, value in reversed(list(enumerate(hashes)))}
    counts = collections.Counter(hashes)
    return {
        value
        for value, place in first.items()
        if counts[value] > 1 and len(np.unique(images[place])) <= FEW_VALUES
    }


def _hashes(samples: Samples) -> list[bytes]:
    arrays = [np.ascontiguousarray(a) for a in arrays_of(samples.x)]
    return [
        hashlib.blake2b(b"".join(_bytes_of(a[i]) for a in arrays)).digest()
        for i in range(samples.count)
    ]


def _bytes_of(values: Any) -> bytes:
    """Return what a sample holds; texts as they read, not as they lie in memory."""
    values = np.asarray(values)
    if values.dtype.kind not in "OSU":
        return values.tobytes()
    texts = (v if isinstance(v, bytes) else str(v).encode() for v in values.flat)
    return b"\0".join(texts)


def _are_constant(samples: Samples) -> np.ndarray:
    """Return which samples hold one value everywhere: all such look alike."""
    constant = np.ones(samples.count, bool)
    for array in arrays_of(samples.x):
        flat = array.reshape(samples.count, -1)
        alike = flat.shape[1] > 1 and array.dtype.kind not in "OSU"
        constant &= (flat == flat[:, :1]).all(axis=1) if alike else False
    return constant


def _thumbnails(images: np.ndarray) -> np.ndarray:
    """Return thumbnails of (images, values) with mean 0 and length 1."""
    rows, columns = (
        np.linspace(0, size, THUMBNAIL + 1).astype(int) for size in images.shape[1:3]
    )
    x = images.astype("float32")
    x = np.add.reduceat(x, rows[:-1], axis=1) / np.diff(rows)[:, None, None]
    x = np.add.reduceat(x, columns[:-1], axis=2) / np.diff(columns)[:, None]
    flat = x.reshape(len(x), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


def _fraction_with_twin(these, those, train_numbers) -> float:
    channels = these.shape[1] // THUMBNAIL**2
    mirrored = these.reshape(-1, THUMBNAIL, THUMBNAIL, channels)[:, :, ::-1]
    found = np.zeros(len(these), bool)
    for version in (these, mirrored.reshape(len(these), -1)):
        likeness = version @ those.T
        if train_numbers is not None:
            likeness[np.arange(len(these)), train_numbers] = -1
        found |= likeness.max(axis=1) > SAME_PICTURE
    return float(found.mean())
