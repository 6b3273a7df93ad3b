"""Images with their properties, classes and what the network answers."""

from dataclasses import dataclass

import keras
import numpy as np

from kerasnorm.doctor.forward.statistics import evaluate
from kerasnorm.doctor.loss_matrix.scores import Scores, score
from kerasnorm.doctor.probes.images.properties import (
    Scale,
    change_property,
    measure_properties,
)
from kerasnorm.doctor.sampling.samples import Samples


@dataclass(frozen=True)
class Network:
    """A classifier under the statistics that it is to be judged with.

    Args:
        model: The model.
        from_logits: Whether the loss takes the outputs for logits.
    """

    model: keras.Model
    from_logits: bool

    def answer(self, samples: Samples) -> Scores | None:
        """Compare the answers to samples with their labels."""
        return score(samples, evaluate(self.model, samples), self.from_logits)


@dataclass(frozen=True)
class ImageSet:
    """Images of one split.

    Args:
        samples: The samples, whose only input they are.
        scale: Black and white.
        labels: Class numbers of (samples,).
        properties: Value of each property by its name, each of (samples,).
        scores: What the network answers.
    """

    samples: Samples
    scale: Scale
    labels: np.ndarray
    properties: dict[str, np.ndarray]
    scores: Scores

    def changed(self, name: str, wanted: np.ndarray, chosen: np.ndarray) -> Samples:
        """Return some of the samples, different in one property alone.

        Args:
            name: Name of the property.
            wanted: The value that each of them should have.
            chosen: Numbers of the samples.
        """
        part = self.samples.only(chosen)
        images = change_property(
            part.inputs, self.scale, name, self.properties[name][chosen], wanted
        )
        return part.with_inputs(images)


def look_at(
    samples: Samples, scale: Scale | None, scores: Scores | None
) -> ImageSet | None:
    """Measure the images of a split.

    Args:
        samples: The samples.
        scale: Black and white of the training images.
        scores: What the network answers, None where it was not asked.

    Returns:
        The set, None where inputs are no images of one size or labels no classes.
    """
    images, labels = samples.images(), samples.classes()
    if images is None or labels is None or scale is None or scores is None:
        return None
    if images.dtype.kind not in "fiu" or not np.isfinite(images).all():
        return None
    values = measure_properties(images, scale)
    return ImageSet(samples, scale, labels, values, scores)
