"""What ImageDataGenerator's iterators share: order, batches, position, epochs."""

import pathlib
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

import keras
import numpy as np

from kerasnorm.data.augment import stateless_random
from kerasnorm.data.generator import random_parameters, random_transforms, standardize
from kerasnorm.data.generator.iterator_options import IteratorOptions


class ImageIterator(keras.utils.PyDataset):
    """Batches of transformed images, by index, by `next()`, or as a dataset.

    Batch b of epoch e is a pure function of (seed, e, b): it does not depend on what
    was read before. `epoch` counts up at `on_epoch_end()`, which Keras calls, and when
    `next()` passes the end. To continue after a stop, set it, or call `seek`.

    Keras' `fit` cuts an epoch short where `steps_per_epoch` batches go past the end of
    a pass, and warns; `as_dataset(0)` has no end, and takes any `steps_per_epoch`.

    Args:
        generator: The ImageDataGenerator.
        n: Number of samples.
        iterator_options: How to walk.
        channels: Channels of an image.
        augment: Whether images are transformed at random.
    """

    # Attributes that say what an iterator is, besides those of every iterator.
    shown: tuple[str, ...] = ()

    def __init__(
        self,
        generator: Any,
        n: int,
        iterator_options: IteratorOptions,
        *,
        channels: int,
        augment: bool,
    ):
        super().__init__()
        iterator_options.check_format(channels)
        self.image_data_generator = generator
        self.n = n
        self.batch_size = iterator_options.batch_size
        self.shuffle = iterator_options.shuffle
        self.seed = iterator_options.seed
        self.save_to_dir = iterator_options.save_to_dir
        self.save_prefix = iterator_options.save_prefix
        self.save_format = iterator_options.save_format
        self.data_format = generator.data_format
        self.dtype = generator.dtype
        self.augment = augment
        self.epoch = 0
        self.batch_index = 0
        self.total_batches_seen = 0
        self._seed = (
            int(np.random.SeedSequence().generate_state(1)[0])
            if iterator_options.seed is None
            else int(iterator_options.seed)
        )
        self.lock = threading.Lock()

    def __getstate__(self):
        # A lock cannot be handed to another process.
        return self.__dict__ | {"lock": None}

    def __setstate__(self, state):
        self.__dict__ = state | {"lock": threading.Lock()}

    def __repr__(self) -> str:
        names = (*self.shown, "shuffle", "seed", "augment", "dtype", "epoch")
        options = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return (
            f"<{type(self).__name__}: {self.n} images in {len(self)} batches of "
            f"{self.batch_size}, {options}>"
        )

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    def __getitem__(self, index: int):
        if not -len(self) <= index < len(self):
            raise ValueError(
                f"Expected the batch to be from 0 to {len(self) - 1}. Received: "
                f"{index}."
            )
        return self.batch(self.epoch, index % len(self))

    def __iter__(self):
        return self

    def __next__(self):
        return self.batch(*self._go_on())

    next = __next__

    @property
    def index_generator(self) -> Iterator[np.ndarray]:
        """Samples of the batches that `next()` would give, taken from it."""
        while True:
            yield self.samples_of(*self._go_on())

    @property
    def index_array(self) -> np.ndarray:
        """The order of the samples in the current epoch."""
        return self.order(self.epoch)

    def reset(self) -> None:
        """Let `next()` begin at the first batch of the current epoch."""
        self.batch_index = 0

    def on_epoch_end(self) -> None:
        """Continue to the next epoch; Keras calls this.

        Before the first epoch of a `fit`, Keras may look at a batch to learn its
        shape, and calls this as it goes back to the beginning: no epoch ends there.
        """
        if not is_reset_of_epoch(sys._getframe()):
            self.epoch += 1

    def seek(self, step: int) -> None:
        """Go to a batch counted from the beginning of training.

        A training that stopped after k steps continues exactly with `seek(k)`.

        Args:
            step: Number of batches to leave out, epochs and all.
        """
        self.epoch, self.batch_index = divmod(step, len(self))

    def as_dataset(self, first_step: int | None = None):
        """Return the tf.data pipeline: parallel, prefetching, in a fixed order.

        Args:
            first_step: None makes the dataset one epoch long, and every pass over it
                the next epoch, so it can be given to `fit` as it is. A number makes it
                endless, from that batch on; give `fit` a `steps_per_epoch`, such as
                `len(iterator)`.

        Returns:
            `tf.data.Dataset` of the same batches as the iterator gives.
        """
        from kerasnorm.data.generator import iterator_tf

        return iterator_tf.dataset(self, first_step)

    def order(self, epoch: int) -> np.ndarray:
        """Return the order in which an epoch visits the samples, int64, (n,)."""
        if self.shuffle:
            return stateless_random.epoch_order(self._seed, epoch, self.n)
        return np.arange(self.n)

    def batch(self, epoch: int, index: int, threads: int | None = None):
        """Return one batch of one epoch.

        Args:
            epoch: Number of the pass over the data.
            index: Number of the batch, 0 to len - 1.
            threads: Number of threads that read files; default: one per processor.

        Returns:
            What `fit`, `evaluate` or `predict` takes: images, or a tuple of images,
            targets and sample weights.
        """
        samples = self.samples_of(epoch, index)
        return self.make(epoch, samples, index * self.batch_size, threads)

    def samples_of(self, epoch: int, index: int) -> np.ndarray:
        """Return the samples of one batch of one epoch, positions in the data set."""
        first = index * self.batch_size
        return self.order(epoch)[first : first + self.batch_size]

    def _go_on(self) -> tuple[int, int]:
        """Return epoch and number of the batch whose turn it is, and take the next."""
        with self.lock:
            epoch, index = self.epoch, self.batch_index
            self.batch_index += 1
            self.total_batches_seen += 1
            if self.batch_index >= len(self):
                self.batch_index = 0
                self.epoch += 1
        return epoch, index

    def make(
        self,
        epoch: int,
        samples: np.ndarray,
        first: int = 0,
        threads: int | None = None,
    ):
        """Read, transform and normalize samples and attach their targets."""
        images = self.read(samples, threads)
        images = self.transform(epoch, samples, images)
        if self.save_to_dir is not None:
            self.save(epoch, first, images)
        return self.with_targets(images, samples)

    def transform(self, epoch: int, samples: np.ndarray, images: np.ndarray):
        """Transform images, channels last, into what the model sees."""
        generator = self.image_data_generator
        if self.augment:
            count = len(samples)
            missing = max(min(self.batch_size, self.n) - count, 0)
            if missing:
                # Filled up, so that the last batch needs no second compilation.
                samples = np.pad(samples, (0, missing))
                images = np.pad(images, [(0, missing), (0, 0), (0, 0), (0, 0)])
            parameters = random_parameters.draw_parameters(
                generator, self._seed, epoch, samples, images.shape[1:3]
            )
            images = random_transforms.transform_batch(
                generator, images, parameters, self.value_range(images)
            )[:count]
        if self.data_format == "channels_first":
            images = np.moveaxis(images, -1, 1)
        if standardize.has_normalization(generator):
            # A copy, since normalization works in place.
            images = np.array(images, np.result_type(np.float32, self.dtype))
            images = standardize.standardize_batch(generator, images)
        return images.astype(self.dtype, copy=False)

    def save(self, epoch: int, first: int, images: np.ndarray) -> None:
        """Write images to the folder that was asked for."""
        for place, image in enumerate(images, start=first):
            mark = (
                stateless_random.random_bits(
                    self._seed, epoch, place, stateless_random.ORDER
                )
                % 10**7
            )
            name = f"{self.save_prefix}_{place}_{mark}.{self.save_format}"
            file = keras.utils.array_to_img(image, self.data_format, scale=True)
            file.save(pathlib.Path(self.save_to_dir or ".", name))

    def value_range(self, images: np.ndarray) -> tuple[float, float]:
        """Lowest and highest value a pixel can have before normalization."""
        raise NotImplementedError

    def read(self, samples: np.ndarray, threads: int | None = None) -> np.ndarray:
        """Return the images of samples, channels last."""
        raise NotImplementedError

    def with_targets(self, images: np.ndarray, samples: np.ndarray):
        """Return images together with their targets and weights."""
        raise NotImplementedError


def is_reset_of_epoch(end_of_epoch: FrameType) -> bool:
    """Say whether Keras ends an epoch only to go back to the first batch.

    Nothing else tells such an end from a true one where an epoch has one batch.

    Args:
        end_of_epoch: The running call of `on_epoch_end`.
    """
    adapter = end_of_epoch.f_back
    caller = adapter and adapter.f_back
    return caller is not None and caller.f_code.co_qualname == "EpochIterator.reset"
