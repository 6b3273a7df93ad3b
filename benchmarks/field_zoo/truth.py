"""What is true of a trained network, measured without the doctor.

Statistics are recalibrated and inputs prepared as for training; the accuracy of those
samples before and after says whether that is material. Wrong labels and sorted batches
are material where they were planted and the network has learned at all. A cause whose
interval holds the least material effect is both material and possible: finding it and
not finding it are right.
"""

import keras
import numpy as np
from scipy import stats

from benchmarks.field_zoo.training import Trained

#: Points of accuracy from which a repair, or what remains, is material, and the lower
#: limit that has to be sure.
MATERIAL, SURE = 0.03, 0.01
LARGE = 0.10
#: Where a large remainder begins is a matter of convention: this near, both are right.
NEAR = 0.03
#: Validation loss above its own minimum, in nats, that makes overfitting material.
RISEN = 0.15
#: Part of the entropy of the classes that a network explains at least, if it learned.
LITTLE = 0.15
#: In which order a user should act.
ORDER = (
    "input_mismatch",
    "ordered_batches",
    "stale_statistics",
    "learning_rate_too_high",
    "not_learned",
    "label_noise",
    "overfitting",
)


def _arrays(batches):
    parts = [batches[i] for i in range(len(batches))]
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def _correct(trained: Trained, x, labels):
    outputs = trained.model.predict(x, batch_size=128, verbose=0)
    labels = labels.argmax(-1) if labels.ndim > 1 else labels.astype(int).ravel()
    if outputs.shape[-1] == 1:
        p = np.concatenate([1 - outputs, outputs], axis=1)
    elif trained.setup.head == "logits":
        p = np.exp(outputs - outputs.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
    else:
        p = outputs
    p = np.clip(np.nan_to_num(p), 1e-7, 1)
    return p.argmax(1) == labels, -np.log(p[np.arange(len(p)), labels])


def _change(before, after) -> tuple[float, float, float]:
    """Return the change of accuracy on the same samples and its 99% interval."""
    gained = after.astype(float) - before.astype(float)
    error = 2.576 * gained.std() / np.sqrt(len(gained))
    return gained.mean(), gained.mean() - error, gained.mean() + error


def _recalibrate(model: keras.Model, x) -> None:
    """Give every batch norm the mean of its statistics over batches of 64."""
    norms = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    dropouts = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.Dropout)
    ]
    kept = [layer.momentum for layer in norms], [layer.rate for layer in dropouts]
    for layer in dropouts:
        layer.rate = 0.0
    for number in range(len(x) // 64):
        for layer in norms:
            layer.momentum = number / (number + 1)
        model(x[64 * number : 64 * number + 64], training=True)
    for layer, momentum in zip(norms, kept[0], strict=True):
        layer.momentum = momentum
    for layer, rate in zip(dropouts, kept[1], strict=True):
        layer.rate = rate


def measure_truth(trained: Trained) -> dict:
    """Measure what each repair is worth and which causes are material.

    Args:
        trained: The trained network with its data; its weights are afterwards as
            before.

    Returns:
        One row of `truth.csv`.
    """
    setup, model = trained.setup, trained.model
    given = [_arrays(batches) for batches in trained.given()]
    right = [_arrays(trained.training()), _arrays(trained.validation())]
    weights = model.get_weights()
    as_given = [_correct(trained, x, y) for x, y in given]
    mapped = [_correct(trained, x, y) for x, y in right]
    _recalibrate(model, right[0][0])
    repaired = [_correct(trained, x, y) for x, y in right]
    model.set_weights(weights)

    row = {
        "setup": setup.name,
        "seed": trained.seed,
        "recipe": setup.recipe,
        "planted": "+".join(setup.causes),
        "training_cpu_seconds": trained.cpu_seconds,
    }
    for name, (train, validation) in (
        ("given", as_given),
        ("mapped", mapped),
        ("repaired", repaired),
    ):
        for split, (correct, loss) in (("training", train), ("validation", validation)):
            row[f"{split}_accuracy_{name}"] = round(float(correct.mean()), 4)
            row[f"{split}_loss_{name}"] = round(float(loss.mean()), 4)
    steps = {
        "input_mismatch": (as_given, mapped),
        "stale_statistics": (mapped, repaired),
    }
    material, possible = [], []
    for cause, (before, after) in steps.items():
        changes = [_change(b[0], a[0]) for b, a in zip(before, after, strict=True)]
        if any(value >= MATERIAL and low >= SURE for value, low, _ in changes):
            material.append(cause)
            # Half as many samples, as an examination takes, cannot tell this.
            if not any(low >= MATERIAL for _, low, _ in changes):
                possible.append(cause)
        elif any(low > 0 for _, low, _ in changes):
            possible.append(cause)
    chance = np.bincount(trained.y).max() / len(trained.y)
    trained_accuracy = float(repaired[0][0].mean())
    error = 2.576 * np.sqrt(chance * (1 - chance) / len(trained.y))
    failed = not trained_accuracy > chance + error
    if failed:
        planted = set(setup.causes) & {"learning_rate_too_high", "ordered_batches"}
        material += sorted(planted) or ["not_learned"]
        # Both may be said of it as well.
        said = {"not_learned", "learning_rate_too_high"} - planted
        possible += sorted(said) if planted else []
    else:
        material += [c for c in setup.causes if c in ("label_noise", "ordered_batches")]
    fractions = np.bincount(trained.y) / len(trained.y)
    entropy = -float((fractions * np.log(fractions)).sum())
    if not failed and repaired[0][1].mean() > (1 - LITTLE) * entropy:
        possible.append("not_learned")
    validation = _change(mapped[1][0], repaired[1][0])[0]
    trained_gain = _change(mapped[0][0], repaired[0][0])[0]
    held_loss = float(repaired[1][1].mean())
    lowest = min(trained.history.get("val_loss", [np.inf]))
    remains = trained_accuracy - float(repaired[1][0].mean())
    risen = (
        not setup.smoothing
        and setup.fitted_with == setup.prepared
        and (
            float(as_given[1][1].mean()) - lowest >= RISEN
            and held_loss - lowest >= RISEN
        )
    )
    if remains >= LARGE or (risen and remains > 0):
        material.append("overfitting")
    if not failed and abs(remains - LARGE) < NEAR:
        possible.append("overfitting")
    # A repair of few training answers is not what keeps validation down.
    both = {"overfitting", "stale_statistics"} <= set(material)
    if both and validation < MATERIAL and trained_gain < remains:
        possible.append("stale_statistics")
    row["remains"] = round(remains, 4)
    row["remains_error"] = round(float(_unpaired(repaired)), 4)
    material.sort(key=ORDER.index)
    row["material"] = "+".join(material)
    row["possible"] = "+".join(sorted(set(possible)))
    row["accepted"] = "+".join(accepted(material, possible))
    return row


def _unpaired(cells) -> float:
    errors = [c.mean() * (1 - c.mean()) / len(c) for c, _ in cells]
    return stats.norm.ppf(0.975) * np.sqrt(sum(errors))


def accepted(material: list[str], possible: list[str]) -> list[str]:
    """Return the verdicts that count as right.

    The first material cause in the order in which a user should act; a cause at the
    edge of what is material may stand before it, and may be the verdict or absent
    where nothing else is material.
    """
    first = [c for c in material if c not in possible]
    found = [first[0]] if first else ["healthy"]
    before = ORDER.index(first[0]) if first else len(ORDER)
    return found + [c for c in ORDER[:before] if c in possible]
