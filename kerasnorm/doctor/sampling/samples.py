"""Samples taken once from any iterable of batches, and how they were batched."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import keras
import numpy as np

from kerasnorm.doctor.sampling.ragged import pick_rows, shape_groups


@dataclass(frozen=True)
class Samples:
    """Inputs, labels and weights in memory, in the order in which they came.

    Args:
        x: Inputs as one array or a nest of arrays, each (samples, ...), ragged where
            batches differ in length.
        y: Labels likewise, or None where the batches have none.
        weights: Sample weights likewise, each (samples,) or one for each place of the
            labels, or None.
        sizes: Samples in each batch taken.
        last_size: Samples in the last batch of the epoch, None where the end of the
            epoch was not reached.
        num_batches: Batches in an epoch, None where unknown.
        notes: Sentences about what was left out.
        is_regression: Whether labels are quantities even where they are whole numbers.
        whole: Whether they came as whole arrays, so that no batches were given.
        bare: Whether batches were inputs alone, without a tuple around them.
        positions: Number of each sample in its epoch, (samples,), None where unknown.
        files: File of each sample, None where unknown.
    """

    x: Any
    y: Any
    weights: Any
    sizes: tuple[int, ...]
    last_size: int | None = None
    num_batches: int | None = None
    notes: tuple[str, ...] = ()
    is_regression: bool = False
    whole: bool = False
    bare: bool = False
    positions: np.ndarray | None = None
    files: tuple[str, ...] | None = None

    @property
    def count(self) -> int:
        """Number of samples."""
        return sum(self.sizes)

    @property
    def batch_size(self) -> int:
        """Most frequent batch size; of equally frequent ones the largest.

        Of two batches, the smaller one is the rest at the end of an epoch.
        """
        sizes, counts = np.unique(self.sizes, return_counts=True)
        return int(sizes[counts == counts.max()].max())

    def batches(self) -> list[np.ndarray]:
        """Return the sample numbers of each batch as it came."""
        return np.split(np.arange(self.count), np.cumsum(self.sizes)[:-1])

    def shuffled(self, batch_size: int, seed: int = 0) -> list[np.ndarray]:
        """Return sample numbers of batches drawn again, without a smaller last one.

        Args:
            batch_size: Samples in each batch, at least 1.
            seed: Decides the order.

        Returns:
            Arrays of `batch_size` sample numbers; the samples left over join the last
            batch, so that no batch has less support than the others. Samples of one
            batch have one shape.
        """
        generator = np.random.default_rng(seed)
        batches = []
        for group in self.by_shape(generator.permutation(self.count)):
            size = min(batch_size, len(group))
            cuts = np.arange(size, len(group) - size + 1, size)
            batches += np.split(group, cuts)
        if self.groups is None:
            return batches
        return [batches[i] for i in generator.permutation(len(batches))]

    def in_order(self, batch_size: int) -> list[np.ndarray]:
        """Return sample numbers of batches of one shape, in the order of the samples.

        Args:
            batch_size: Samples in each batch but the last of its shape.
        """
        return [
            part
            for group in self.by_shape(np.arange(self.count))
            for part in np.split(group, np.arange(batch_size, len(group), batch_size))
        ]

    @cached_property
    def groups(self) -> np.ndarray | None:
        """Number of the shape that each sample has, None where all are alike."""
        return shape_groups((self.x, self.y, self.weights))

    def by_shape(self, numbers: np.ndarray) -> list[np.ndarray]:
        """Return sample numbers apart by the shape of their samples.

        Args:
            numbers: Sample numbers in any order, which stays within a shape.
        """
        if self.groups is None:
            return [numbers]
        kinds = self.groups[numbers]
        return [numbers[kinds == kind] for kind in np.unique(kinds)]

    def take(self, numbers: np.ndarray) -> tuple[Any, Any, Any]:
        """Return inputs, labels and weights of these samples."""
        return tuple(pick(part, numbers) for part in (self.x, self.y, self.weights))

    def head(self, limit: int) -> "Samples":
        """Return at most `limit` samples: whole batches, evenly over the epoch."""
        if self.count <= limit:
            return self
        keep = max(1, min(len(self.sizes), round(limit / self.batch_size)))
        chosen = np.unique(
            np.linspace(0, len(self.sizes) - 1, keep).round().astype(int)
        )
        batches = self.batches()
        numbers = np.concatenate([batches[i] for i in chosen])
        return self._select(numbers, tuple(self.sizes[i] for i in chosen))

    def thinned(self, limit: int) -> "Samples":
        """Return at most `limit` samples, evenly over the epoch, as one batch."""
        if self.count <= limit:
            return self
        numbers = np.linspace(0, self.count - 1, limit).round().astype(int)
        return self._select(numbers, (limit,))

    def _select(self, numbers: np.ndarray, sizes: tuple[int, ...]) -> "Samples":
        x, y, weights = self.take(numbers)
        return replace(
            self,
            x=x,
            y=y,
            weights=weights,
            sizes=sizes,
            positions=pick(self.positions, numbers),
            files=self.files and tuple(self.files[i] for i in numbers),
        )

    def only(self, numbers: np.ndarray) -> "Samples":
        """Return these samples, in batches of the usual size and of one shape."""
        groups, size = self.by_shape(numbers), self.batch_size
        x, y, weights = self.take(np.concatenate(groups))
        sizes = tuple(
            len(part)
            for group in groups
            for part in np.split(group, np.arange(size, len(group), size))
        )
        return replace(self, x=x, y=y, weights=weights, sizes=sizes)

    @property
    def inputs(self) -> Any:
        """Inputs, out of the nest where they are the only array of one."""
        arrays = list(arrays_of(self.x))
        return arrays[0] if len(arrays) == 1 else self.x

    def with_inputs(self, x: Any) -> "Samples":
        """Return the same samples with other inputs.

        Args:
            x: In the form of `inputs`.
        """
        return replace(
            self, x=keras.tree.pack_sequence_as(self.x, keras.tree.flatten(x))
        )

    def with_meaning(self, shape: tuple[int, ...] | None) -> "Samples":
        """Take whole numbers for quantities where one output cannot tell classes.

        Args:
            shape: Shape of the outputs of the model, None where it is no single one.
        """
        if shape is None or shape[1:] != (1,):
            return self
        classes = self.classes()
        return replace(self, is_regression=classes is not None and classes.max() > 1)

    def images(self) -> np.ndarray | None:
        """Return the inputs if they are one array of (samples, rows, columns, ...)."""
        x = self.inputs
        return x if isinstance(x, np.ndarray) and x.ndim == 4 else None

    @property
    def labels(self) -> Any:
        """Labels, out of the nest where they are the only array of one."""
        arrays = list(arrays_of(self.y)) if self.y is not None else []
        return arrays[0] if len(arrays) == 1 else self.y

    def classes(self) -> np.ndarray | None:
        """Return class numbers of (samples,), None for labels of another kind.

        Smoothed and mixed labels count as their largest class.
        """
        y = self.labels
        if self.is_regression or not isinstance(y, np.ndarray) or y.ndim > 2:
            return None
        if y.dtype.kind not in "fiub":
            return None
        if y.ndim == 2 and y.shape[1] > 1:
            return y.argmax(axis=1) if _is_mostly_one_class(y) else None
        flat = y.reshape(-1)
        whole = np.all(np.isfinite(flat)) and np.all(flat == np.round(flat))
        if not whole or flat.min(initial=0) < 0:
            return None
        return flat.astype(np.int64)


def _is_mostly_one_class(y: np.ndarray) -> bool:
    """Return whether rows are class fractions, nearly all with one above a half."""
    are_fractions = y.min() >= 0 and np.allclose(y.sum(axis=1), 1, atol=1e-3)
    return bool(are_fractions and (y.max(axis=1) > 0.5).mean() > 0.9)


def pick(nest: Any, numbers: np.ndarray) -> Any:
    """Return the rows of every array of a nest."""
    if nest is None:
        return None
    return keras.tree.map_structure(lambda array: pick_rows(array, numbers), nest)


def arrays_of(nest: Any) -> Iterator[np.ndarray]:
    """Yield the arrays of a nest."""
    yield from keras.tree.flatten(nest)
