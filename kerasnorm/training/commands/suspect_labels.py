"""Lists the files whose label is surest wrong, by models that did not see them."""

import csv
import dataclasses
import io
import os
import pathlib
from collections.abc import Callable, Sequence

import numpy as np

from kerasnorm.data.errors import DataError
from kerasnorm.data.images.decoded_images import DecodedImages
from kerasnorm.data.progress import Progress
from kerasnorm.data.sources.source import open_files
from kerasnorm.data.store.open_images import open_images

NETWORK = "efficientnet_lite0"
# Images whose features are computed at once.
CHUNK = 256
FOLDS = 10
# What `python -m benchmarks.suspect_labels` measures: a strong penalty, as there are
# about as many features as images; and how often the solver may step.
INVERSE_PENALTY, STEPS = 0.0003, 1000
# A kernel over so many images takes 64 MB; more are judged in parts.
KERNEL_IMAGES, KERNEL_SIDE = 4000, 96
COLUMNS = ("path", "label", "suggested", "score")


@dataclasses.dataclass(frozen=True)
class Suspect:
    """A file whose label is not what a model takes it for.

    Args:
        path: The file.
        label: Its class.
        suggested: The class that fits better.
        score: How much better, 0 to 1.
    """

    path: str
    label: str
    suggested: str
    score: float


def find_suspects(directory: str | os.PathLike) -> tuple[list[Suspect], str]:
    """Rank the files of a folder by how surely their label is wrong.

    Each image is judged by models that were fitted without it: on what a network that
    knows ImageNet sees, where `kerasnorm[pretrained]` is installed, else on patches
    and gradients.

    Args:
        directory: The folder, as `open_source` takes it; all its parts together.

    Returns:
        The files whose label another class beats, the surest first; and in one line
        what judged them.

    Raises:
        DataError: There is nothing usable, or a class has too few images.

    Example:
        >>> suspects, _ = find_suspects("photos")
        >>> print(suspects[0].path, suspects[0].suggested)
    """
    from kerasnorm.models.weights import published

    files = open_files(directory)
    is_pretrained = published.is_installed(NETWORK)
    side = _side() if is_pretrained else KERNEL_SIDE
    with Progress("decoding images") as progress:
        parts, _ = open_images(files.parts, (side, side), progress=progress)
    labels = np.concatenate([images.labels for images in parts.values()])
    paths = [path for images in parts.values() for path in images.paths]
    judge = _by_network if is_pretrained else _by_kernel
    scores = judge(list(parts.values()), labels)
    own = scores[np.arange(len(labels)), labels]
    lead = np.clip(scores.max(axis=1) - own, 0, 1)
    names = files.class_names
    suspects = [
        Suspect(
            paths[at],
            names[labels[at]],
            names[scores[at].argmax()],
            round(float(lead[at]), 4),
        )
        for at in np.argsort(-lead, kind="stable")
        if lead[at] > 0
    ]
    by = (
        f"{FOLDS}-fold logistic regression on features of {NETWORK}"
        if is_pretrained
        else "leave-one-out kernel regression on patches and gradients; `pip install "
        "kerasnorm[pretrained]` is far surer"
    )
    return suspects, f"{len(suspects):,} of {len(labels):,} labels are doubtful: {by}"


def write_suspects(suspects: Sequence[Suspect], file: str | os.PathLike) -> None:
    """Write suspects to a CSV file, atomically.

    Args:
        suspects: What `find_suspects` returns.
        file: The file, with the columns `path`, `label`, `suggested` and `score`.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    rows.writerows(dataclasses.astuple(suspect) for suspect in suspects)
    target = pathlib.Path(file)
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    aside.write_text(text.getvalue(), encoding="utf-8", errors="surrogateescape")
    aside.replace(target)


def _side() -> int:
    from kerasnorm.models.efficientnet_lite import VARIANTS

    return VARIANTS[0].image_size


def _by_network(parts: Sequence[DecodedImages], labels: np.ndarray) -> np.ndarray:
    """Return probabilities of the classes, each from a fold without the image."""
    from sklearn import linear_model, model_selection, pipeline, preprocessing

    features = _in_chunks(parts, _features())
    folds = min(FOLDS, int(np.bincount(labels).min()))
    if folds < 2:
        raise _too_few(labels)
    model = pipeline.make_pipeline(
        preprocessing.StandardScaler(),
        linear_model.LogisticRegression(C=INVERSE_PENALTY, max_iter=STEPS),
    )
    split = model_selection.StratifiedKFold(folds, shuffle=True, random_state=0)
    return np.asarray(
        model_selection.cross_val_predict(
            model, features, labels, cv=split, method="predict_proba"
        )
    )


def _features() -> Callable[[np.ndarray], np.ndarray]:
    """Return what turns images into the pooled features of the network."""
    import keras

    from kerasnorm.models.efficientnet_lite import efficientnet_lite

    side = _side()
    network = efficientnet_lite((side, side, 3), 2, weights="pretrained", frozen=True)
    body = keras.Model(network.input, network.get_layer("pool").output)
    return lambda images: body.predict(images.astype("float32"), verbose=0)


def _by_kernel(parts: Sequence[DecodedImages], labels: np.ndarray) -> np.ndarray:
    """Return a score of each class, of the model that knows all other images."""
    from kerasnorm.doctor.probes.labels import reference_models

    if int(np.bincount(labels).min()) < 2:
        raise _too_few(labels)
    classes = int(labels.max()) + 1
    scores = np.zeros((len(labels), classes), np.float32)
    order = np.random.default_rng(0).permutation(len(labels))
    images = _in_chunks(parts, lambda images: images)
    for places in np.array_split(order, -(-len(order) // KERNEL_IMAGES)):
        kernels = reference_models.similarities([images[places].astype("float32")])
        kernel = np.mean(list(kernels.values()), axis=0)
        model, _ = reference_models.choose_model(kernel, labels[places], classes)
        targets = np.eye(classes, dtype=np.float32)[labels[places]]
        mean = targets.mean(axis=0)
        scores[places] = model.scores(targets - mean) + mean
    return scores


def _in_chunks(
    parts: Sequence[DecodedImages], function: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Return what a function makes of all images, a few at a time."""
    found, done, total = [], 0, sum(map(len, parts))
    with Progress("looking at images") as progress:
        for images in parts:
            for start in range(0, len(images), CHUNK):
                places = np.arange(start, min(start + CHUNK, len(images)))
                found.append(function(images.read(places)))
                done += len(places)
                progress(done, total)
    return np.concatenate(found)


def _too_few(labels: np.ndarray) -> DataError:
    return DataError(
        "Expected two images of every class or more, to judge one by the others. "
        f"Received: a class with {np.bincount(labels).min()}. Add images."
    )
