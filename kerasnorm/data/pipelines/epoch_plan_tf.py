"""What each batch of a training epoch draws: its images and how they are varied."""

import dataclasses
import functools

import numpy as np
import tensorflow as tf

from kerasnorm.data.augment import stateless_random
from kerasnorm.data.augment.augmentation import Augmentation
from kerasnorm.data.augment.erasing_tf import draw_erasures
from kerasnorm.data.augment.mix_tf import draw_mixes
from kerasnorm.data.augment.transforms import draw_colours, draw_warps, rescaled

#: Types and shapes of what one image of a batch draws.
DRAWN = (
    (tf.int64, ()),
    (tf.float32, (2, 3)),
    (tf.float32, (4,)),
    (tf.float32, (5,)),
    (tf.int32, (5,)),
)


# Images drawn at once: enough that Python is asked rarely, few enough that what they
# draw needs no memory to speak of.
CHUNK_IMAGES = 2**15


@dataclasses.dataclass(frozen=True, eq=False)
class EpochPlan:
    """Draw many batches at once, each epoch a pure function of the seed.

    Args:
        labels: Class index of every image.
        batch_size: Images in a batch.
        augmentation: How images are varied.
        seed: Decides order and augmentation.
        stored_size: Height and width of the decoded images in pixels.
        size: Height and width of the batches in pixels.
        mixup: Parameter alpha of the Beta distribution of mixing fractions; 0 is off.
        cutmix: The same for pasted boxes.
        random_erasing: Fraction of the images of which a box becomes noise, 0 to 1.
        first_step: Number of batches to leave out at the beginning.
        balanced: Whether every class comes equally often.
    """

    labels: np.ndarray
    batch_size: int
    augmentation: Augmentation
    seed: int
    stored_size: tuple[int, int]
    size: tuple[int, int]
    mixup: float
    cutmix: float
    random_erasing: float
    first_step: int
    balanced: bool

    @property
    def steps(self) -> int:
        """Batches in an epoch; the remainder of the images is left out."""
        return len(self.labels) // self.batch_size

    @property
    def chunk_steps(self) -> int:
        """Batches that are drawn at once; the last of an epoch may be fewer."""
        return min(max(1, CHUNK_IMAGES // self.batch_size), self.steps)

    @property
    def chunks(self) -> int:
        """How often is drawn in an epoch."""
        return -(-self.steps // self.chunk_steps)

    @property
    def first_chunk(self) -> int:
        """Number of the chunk that holds `first_step`, over all epochs."""
        epoch, step = divmod(self.first_step, self.steps)
        return epoch * self.chunks + step // self.chunk_steps

    def draw(self, chunk: int) -> list[np.ndarray]:
        """Return what the batches of a chunk draw.

        Args:
            chunk: Its number, over all epochs.

        Returns:
            Positions, warps, colours, mixes and erasures, each of (steps, batch, ...)
            as in `DRAWN`, without the steps before `first_step`.
        """
        seed, size = self.seed, self.size
        epoch, part = divmod(int(chunk), self.chunks)
        start = part * self.chunk_steps
        steps = min(self.chunk_steps, self.steps - start)
        # Numbers are drawn for each image by itself: a part of the order draws what it
        # would in the whole.
        order = self._order(epoch)[start * self.batch_size :][: steps * self.batch_size]
        warps = draw_warps(self.augmentation, seed, epoch, order, size)
        parts = (
            order,
            rescaled(warps, size, self.stored_size).astype(np.float32),
            draw_colours(self.augmentation, seed, epoch, order).astype(np.float32),
            draw_mixes(self.mixup, self.cutmix, seed, epoch, order, size).astype(
                np.float32
            ),
            draw_erasures(self.random_erasing, seed, epoch, order, size),
        )
        first = max(0, self.first_step - epoch * self.steps - start)
        shape = (steps, self.batch_size)
        return [part.reshape(*shape, *part.shape[1:])[first:] for part in parts]

    def _order(self, epoch: int) -> np.ndarray:
        if epoch not in self._orders:
            self._orders.clear()
            self._orders[epoch] = epoch_order(
                self.labels, self.seed, epoch, self.balanced
            )
        return self._orders[epoch]

    @functools.cached_property
    def _orders(self) -> dict[int, np.ndarray]:
        return {}


def epoch_order(
    labels: np.ndarray, seed: int, epoch: int, balanced: bool = False
) -> np.ndarray:
    """Return the order in which an epoch of `training_batches` visits the images.

    Args:
        labels: Class index of every image.
        seed: Decides order and augmentation.
        epoch: Number of the pass over the images.
        balanced: Whether every class comes equally often.

    Returns:
        Positions of images, int64, as many as there are images.
    """
    if balanced:
        return stateless_random.balanced_order(seed, epoch, labels)
    return stateless_random.epoch_order(seed, epoch, len(labels))
