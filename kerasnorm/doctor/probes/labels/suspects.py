"""Lists samples that are probably labelled wrongly, by all that speaks on them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
from scipy import optimize, special

from kerasnorm.doctor.probes.labels.image_features import as_bytes, channels_last
from kerasnorm.doctor.probes.labels.noise_estimate import Suspect
from kerasnorm.doctor.probes.labels.noise_plateau import group_by_margin
from kerasnorm.doctor.sampling.samples import Samples

#: Log probabilities of (samples, classes) that the examined network gives to samples of
#: a split, "training" or "validation"; None where its outputs are no such thing.
Network = Callable[[Samples, str], np.ndarray | None]

# Probability of being wrong from which a sample is listed, and how many with image.
LIKELY, SHOWN = 0.3, 24
# Logarithms of the weights of scores: they may be left out, and not turned round.
LOWEST, HIGHEST = -6.0, 6.0


@dataclass(frozen=True)
class Compared:
    """Samples of both splits with what the reference model says of them.

    Args:
        train: Training samples.
        validation: Validation samples.
        kept: Numbers of the samples compared, training before validation.
        labels: Their classes, as positions in `numbers`.
        scores: Scores of the reference model for each class, their own label unseen.
        numbers: Class numbers in use.
    """

    train: Samples
    validation: Samples
    kept: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    numbers: np.ndarray

    @property
    def training(self) -> np.ndarray:
        """Which of the samples compared are training samples."""
        return self.kept < self.train.count


def list_suspects(
    compared: Compared, fraction: float, network: Network | None = None
) -> tuple[Suspect, ...]:
    """Return contradicted training samples that are probably labelled wrongly.

    The reference model speaks on them, and, where it helps to find more, the network
    itself together with it. A network that has memorized its labels contradicts none
    of them: then the reference model speaks alone.

    Args:
        compared: What was compared.
        fraction: How many training labels are wrong.
        network: Log probabilities that the network gives, None without.
    """
    judges = [compared.scores]
    if network is not None:
        judges += _joint_scores(compared, network)
    training = compared.training
    labels = compared.labels[training]
    found = []
    for scores in judges:
        said = scores[training].argmax(axis=1)
        probability = _wrong_with_probability(scores[training], labels, fraction)
        found.append((probability, said))
    probability, said = max(found, key=lambda f: f[0][f[0] >= LIKELY].sum())
    order = np.argsort(-probability, kind="stable")
    chosen = order[probability[order] >= LIKELY]
    return _describe(compared, chosen, said, probability)


def _joint_scores(compared: Compared, network: Network) -> list[np.ndarray]:
    """Return scores of reference model and network together, none without them.

    How much weight each has is what predicts validation labels best.
    """
    found = (
        network(compared.train, "training"),
        network(compared.validation, "validation"),
    )
    classes = int(compared.numbers.max()) + 1
    outputs = [log_p for log_p in found if log_p is not None]
    if len(outputs) < len(found) or outputs[0].shape[1] < classes:
        return []
    log_p = np.concatenate(outputs)[compared.kept][:, compared.numbers]
    both = np.stack([compared.scores.astype("float64"), log_p])
    held = ~compared.training
    labels = np.eye(len(compared.numbers))[compared.labels[held]]

    def loss(logs: np.ndarray) -> float:
        sums = np.tensordot(np.exp(logs), both[:, held], 1)
        return -float((special.log_softmax(sums, axis=1) * labels).sum())

    bounds = [(LOWEST, HIGHEST)] * 2
    logs = optimize.minimize(loss, np.zeros(2), method="L-BFGS-B", bounds=bounds).x
    return [special.log_softmax(np.tensordot(np.exp(logs), both, 1), axis=1)]


def _wrong_with_probability(
    scores: np.ndarray, labels: np.ndarray, fraction: float
) -> np.ndarray:
    """Return the probability that each label is wrong, 0 where none contradicts it."""
    classes = scores.shape[1]
    ordered = np.sort(scores, axis=1)
    margin, wrong = ordered[:, -1] - ordered[:, -2], scores.argmax(axis=1) != labels
    groups = group_by_margin(wrong, margin, classes)
    curve = groups.fit(np.array([fraction]))[1][0]
    error = groups.error(curve, margin / groups.scale)
    rate = groups.rate(error, fraction)
    probability = fraction * (1 - error / (classes - 1)) / np.maximum(rate, 1e-9)
    return np.where(wrong, np.clip(probability, 0, 1), 0.0)


def _describe(
    compared: Compared, chosen: np.ndarray, said: np.ndarray, probability: np.ndarray
) -> tuple[Suspect, ...]:
    """Return what a reader needs to look at the chosen training samples."""
    split, numbers, training = compared.train, compared.numbers, compared.training
    kept, labels = compared.kept[training], compared.labels[training]
    low, high = np.percentile(split.x[:: max(1, split.count // 64)], (0.5, 99.5))
    names = _naming(split)
    positions = np.arange(split.count) if split.positions is None else split.positions
    found = []
    for rank, place in enumerate(chosen):
        sample = kept[place]
        label, suggested = (int(numbers[c]) for c in (labels[place], said[place]))
        shown = rank < SHOWN and split.x.ndim == 4
        found.append(
            Suspect(
                int(positions[sample]),
                label,
                suggested,
                float(probability[place]),
                split.files[sample] if split.files else None,
                as_bytes(channels_last(split.x[sample][None])[0], low, high)
                if shown
                else None,
                (names(label), names(suggested)),
            )
        )
    return tuple(found)


def _naming(split: Samples) -> Callable[[int], str]:
    """Return what names a class: its folder where files are known, else its number."""
    folders: dict[int, str] = {}
    classes = split.classes()
    if split.files is not None and classes is not None:
        for number, file in zip(classes.tolist(), split.files, strict=True):
            folders[number] = PurePath(file).parent.name
    return lambda number: folders.get(number, f"class {number}")
