"""Reference models in closed form: what the images say of labels they have not seen."""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from kerasnorm.doctor.probes.labels.image_features import (
    gradient_features,
    patch_features,
    standardize_images,
)

#: Families of features, each of which has to support a claim by itself.
FAMILIES = ("gradients", "patches")
# Width of the kernel in medians of the squared distances.
WIDTH = 1.0
# Ridges to choose from: the more labels are wrong, the larger the best one.
RIDGES = (0.1, 0.3, 1.0, 3.0)
# Similarity from which two images are near duplicates: a label then vouches for itself.
# Rows of a table are often that near; only copies count there.
NEAR_DUPLICATE, COPY = 0.97, 0.99999


@dataclass(frozen=True)
class Predictions:
    """What a reference model says of samples, each left out of its own prediction.

    Args:
        predicted: Class numbers of `(samples,)`.
        margin: Difference of the two largest scores, `(samples,)`, not negative.
        scores: Scores of `(samples, classes)`.
    """

    predicted: np.ndarray
    margin: np.ndarray
    scores: np.ndarray


class ReferenceModel:
    """Kernel ridge regression whose leave-one-out scores cost one matrix product.

    Args:
        kernel: Similarities of `(samples, samples)`, 1 on the diagonal.
        ridge: What is added to the diagonal, more than 0.

    Example:
        >>> scores = ReferenceModel(kernel, 0.3).scores(np.eye(2)[labels])
    """

    def __init__(self, kernel: np.ndarray, ridge: float) -> None:
        matrix = np.array(kernel, "float32", order="F")
        matrix[np.diag_indices(len(matrix))] += ridge
        factor, failed = linalg.lapack.spotrf(matrix, lower=1, overwrite_a=1)
        if failed:
            raise ValueError(
                "expected a positive definite kernel, received one that is not; "
                "use a larger ridge"
            )
        inverse, _ = linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
        # LAPACK fills one half.
        self.inverse = np.tril(inverse) + np.tril(inverse, -1).T

    def scores(self, targets: np.ndarray) -> np.ndarray:
        """Return the prediction for each sample by the model fitted to all others.

        Args:
            targets: Numbers of `(samples, outputs)`.
        """
        targets = np.asarray(targets, "float32")
        weights = self.inverse @ targets
        return targets - weights / np.diag(self.inverse)[:, None]

    def predict(self, labels: np.ndarray, classes: int) -> Predictions:
        """Return class and margin of each sample, its own label unseen.

        Args:
            labels: Class numbers of `(samples,)`.
            classes: How many classes there are, at least 2.
        """
        targets = _targets(labels, classes)
        mean = targets.mean(axis=0)
        scores = self.scores(targets - mean) + mean
        ordered = np.sort(scores, axis=1)
        margin = ordered[:, -1] - ordered[:, -2]
        return Predictions(scores.argmax(axis=1), margin, scores)

    def error(self, labels: np.ndarray, classes: int) -> float:
        """Return the mean squared error of the predictions of samples left out.

        Args:
            labels: Class numbers of `(samples,)`.
            classes: How many classes there are, at least 2.
        """
        targets = _targets(labels, classes)
        targets -= targets.mean(axis=0)
        return float(((self.scores(targets) - targets) ** 2).mean())


def _targets(labels: np.ndarray, classes: int) -> np.ndarray:
    return np.eye(classes, dtype="float32")[labels]


def choose_model(
    kernel: np.ndarray, labels: np.ndarray, classes: int
) -> tuple[ReferenceModel, float]:
    """Return the model whose ridge predicts labels best, and that ridge.

    Args:
        kernel: Similarities of `(samples, samples)`.
        labels: Class numbers of `(samples,)`.
        classes: How many classes there are, at least 2.
    """
    best = ReferenceModel(kernel, RIDGES[0])
    least, chosen = best.error(labels, classes), RIDGES[0]
    for ridge in RIDGES[1:]:
        model = ReferenceModel(kernel, ridge)
        error = model.error(labels, classes)
        # The error has one minimum along the ridge.
        if error >= least:
            break
        best, least, chosen = model, error, ridge
    return best, chosen


def similarities(images: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Return one kernel for each family of features.

    An image is as similar to another as to its mirror image.

    Args:
        images: Images of each split, `(images, height, width, channels)`. Each split
            is standardized by itself, so a preparation that differs by a linear map
            changes nothing.

    Returns:
        Kernels of `(images, images)` over all splits, 1 on the diagonal.
    """
    ready = np.concatenate([standardize_images(part) for part in images])
    features = (gradient_features(ready), patch_features(ready))
    return {name: _kernel(*pair) for name, pair in zip(FAMILIES, features, strict=True)}


def similarities_of_values(values: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Return the kernel of inputs that are no images: of their standardized values.

    Args:
        values: Inputs of each split, `(samples, ...)`.
    """
    flat = np.concatenate([part.reshape(len(part), -1) for part in values])
    flat = np.nan_to_num(flat.astype("float32"), posinf=0, neginf=0)
    flat -= flat.mean(axis=0)
    flat /= np.maximum(flat.std(axis=0), 1e-6)
    return {"values": _kernel(flat)}


def _kernel(features: np.ndarray, mirrored: np.ndarray | None = None) -> np.ndarray:
    mean = features.mean(axis=0)
    features = features - mean
    distances = _distances(features, features)
    few = distances[:: max(1, len(distances) // 200)]
    width = WIDTH * float(np.median(few[few > 0])) if (few > 0).any() else 1.0
    kernel = np.exp(-distances / width)
    if mirrored is not None:
        kernel += np.exp(-_distances(features, mirrored - mean) / width)
    scale = np.sqrt(np.diag(kernel)).copy()
    kernel /= scale[:, None]
    kernel /= scale
    return (kernel + kernel.T) / 2


def _distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    out = first @ second.T
    out *= -2
    out += (first**2).sum(axis=1)[:, None]
    out += (second**2).sum(axis=1)
    return np.maximum(out, 0, out=out)


def without_duplicates(kernels: dict[str, np.ndarray]) -> np.ndarray:
    """Return the numbers of samples that have no near duplicate before them.

    Args:
        kernels: What `similarities` returns.
    """
    limit = NEAR_DUPLICATE if set(kernels) == set(FAMILIES) else COPY
    alike = np.min(np.stack(list(kernels.values())), axis=0) > limit
    return np.flatnonzero(~np.tril(alike, -1).any(axis=1))
