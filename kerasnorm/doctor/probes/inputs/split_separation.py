"""How well simple features of the inputs tell training from validation samples."""

from dataclasses import dataclass

import numpy as np

from kerasnorm.doctor.sampling.samples import Samples


@dataclass(frozen=True)
class SplitSeparation:
    """How well simple features of the inputs tell the splits apart.

    Args:
        area: Cross-validated area under the ROC curve, 0.5 for exchangeable splits.
        low: Lower 95% limit of that area.
    """

    area: float
    low: float


def measure_separation(train: Samples, validation: Samples) -> SplitSeparation | None:
    """Let a linear classifier tell training from validation inputs.

    Args:
        train: Training samples.
        validation: Validation samples.

    Returns:
        Its cross-validated success, None where the inputs are no single array or too
        few.
    """
    if min(train.count, validation.count) < 32:
        return None
    if (
        not isinstance(train.inputs, np.ndarray)
        or train.inputs.dtype.kind not in "fiub"
    ):
        return None
    if train.inputs.shape[1:] != validation.inputs.shape[1:]:
        return None
    features = np.concatenate([_features(train.inputs), _features(validation.inputs)])
    labels = np.r_[np.zeros(train.count), np.ones(validation.count)]
    order = np.random.default_rng(0).permutation(len(labels))
    scores = np.empty(len(labels))
    folds = np.array_split(order, 4)
    for fold in folds:
        rest = np.setdiff1d(order, fold)
        scores[fold] = _discriminate(features[rest], labels[rest], features[fold])
    area = np.mean([_area(scores[fold], labels[fold]) for fold in folds])
    # Hanley and McNeil's error of an area near one half.
    error = np.sqrt((1 / train.count + 1 / validation.count) / 12)
    return SplitSeparation(float(area), float(area - 1.96 * error))


def _features(x: np.ndarray) -> np.ndarray:
    x = x.astype("float32")
    x = np.nan_to_num(x)
    if x.ndim != 4:
        values = x.reshape(len(x), -1)[:, :64]
        # A wider spread is a difference as well, and no line tells it.
        return np.concatenate([values, (values - np.median(values, axis=0)) ** 2], 1)
    axes = (1, 2)
    steps = [np.abs(np.diff(x, axis=axis)).mean(axis=axes) for axis in axes]
    rows, columns = x.shape[1] // 3, x.shape[2] // 3
    inside = x[:, rows : x.shape[1] - rows, columns : x.shape[2] - columns]
    border = x[:, :2].mean(axis=axes) - inside.mean(axes)
    return np.concatenate([x.mean(axes), x.std(axes), *steps, border], axis=1)


def _discriminate(features, labels, others) -> np.ndarray:
    mean, std = features.mean(axis=0), features.std(axis=0) + 1e-8
    features, others = (features - mean) / std, (others - mean) / std
    gram = features.T @ features + len(features) * 0.01 * np.eye(features.shape[1])
    weights = np.linalg.solve(gram, features.T @ (labels - labels.mean()))
    return others @ weights


def _area(scores: np.ndarray, labels: np.ndarray) -> float:
    ranks = np.empty(len(scores))
    ranks[np.argsort(scores)] = np.arange(1, len(scores) + 1)
    positive = labels == 1
    count = positive.sum()
    if count in (0, len(labels)):
        return 0.5
    above = ranks[positive].sum() - count * (count + 1) / 2
    return float(above / (count * (len(labels) - count)))
