"""Loss, accuracy, confusion and worst mistakes of a model on decoded images."""

import dataclasses
from typing import Any

import numpy as np

from kerasnorm.data.store.failures import failures_in_words

# Smallest probability that the loss reckons with, as Keras' cross-entropy does.
SMALLEST_PROBABILITY = 1e-7


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What a model says of some images, and how right it is.

    Args:
        labels: True class of each image, `(images,)`.
        probabilities: The model's output, `(images, classes)`.
    """

    labels: np.ndarray
    probabilities: np.ndarray

    @property
    def samples(self) -> int:
        """Number of images."""
        return len(self.labels)

    @property
    def loss(self) -> float:
        """Mean cross-entropy in nats."""
        chosen = self.probabilities[np.arange(self.samples), self.labels]
        # The comparison keeps NaN, which clipping would turn into a number.
        chosen = np.where(
            chosen < SMALLEST_PROBABILITY, SMALLEST_PROBABILITY, chosen
        ).astype(np.float64)
        return float(-np.log(chosen).mean())

    @property
    def accuracy(self) -> float:
        """Fraction of the images whose most probable class is the true one."""
        return float((self.predictions == self.labels).mean())

    @property
    def predictions(self) -> np.ndarray:
        """Most probable class of each image, `(images,)`."""
        predictions: np.ndarray = self.probabilities.argmax(axis=-1)
        return predictions

    @property
    def confusion(self) -> np.ndarray:
        """Counts, `(classes, classes)`: rows are true, columns predicted classes."""
        classes = self.probabilities.shape[-1]
        counts = np.zeros((classes, classes), np.int64)
        np.add.at(counts, (self.labels, self.predictions), 1)
        return counts

    def worst(self, count: int) -> list[int]:
        """Return positions of wrongly classified images, most confident first.

        Args:
            count: How many at most.
        """
        wrong = np.flatnonzero(self.predictions != self.labels)
        confidence = self.probabilities[wrong, self.predictions[wrong]]
        return [int(place) for place in wrong[np.argsort(-confidence)][:count]]

    def surest(self, count: int) -> list[int]:
        """Return positions of rightly classified images, each class in turn.

        Of a class the most confident come first.

        Args:
            count: How many at most.
        """
        right = np.flatnonzero(self.predictions == self.labels)
        confidence = self.probabilities[right, self.labels[right]]
        right = right[np.argsort(-confidence, kind="stable")]
        # How many of its class are more certain.
        classes = [right[self.labels[right] == label] for label in set(self.labels)]
        ranked = sorted(
            (rank, -self.probabilities[place].max(), place)
            for own in classes
            for rank, place in enumerate(own)
        )
        return [int(place) for *_, place in ranked[:count]]


def evaluate(
    model: Any, decoded: Any, batch_size: int, *, mirrored: bool = False
) -> Evaluation:
    """Run a model over images, never augmented.

    Args:
        model: A Keras model whose output is class probabilities.
        decoded: Decoded images with labels, as `data` loads them.
        batch_size: Images in one step.
        mirrored: Whether to average with what the model says of the mirror images.
    """
    from kerasnorm.data.pipelines import batches_tf

    batches = batches_tf.evaluation_batches(decoded, batch_size)
    with failures_in_words(decoded):
        probabilities = np.asarray(model.predict(batches, verbose=0))
        if mirrored:
            reversed_columns = batches.map(lambda images, labels: images[:, :, ::-1])
            opinions = np.asarray(model.predict(reversed_columns, verbose=0))
            probabilities = (probabilities + opinions) / 2
    return Evaluation(np.asarray(decoded.labels), probabilities)
