"""`examine`: measures a model on training and validation batches and judges."""

import dataclasses
from collections.abc import Iterable
from typing import Any

import keras

from kerasnorm.doctor.diagnose import diagnose
from kerasnorm.doctor.examination import Examination
from kerasnorm.doctor.forward.accepted_models import check_model
from kerasnorm.doctor.forward.compiled_forward import compiled_forward_cache
from kerasnorm.doctor.forward.state import random_numbers_preserved, restored_after
from kerasnorm.doctor.forward.statistics import build
from kerasnorm.doctor.losses.evaluation_batches import fit_batches
from kerasnorm.doctor.measure.collect import collect_measurements
from kerasnorm.doctor.report.subject import describe_subject
from kerasnorm.doctor.sampling.sample_batches import sample_batches
from kerasnorm.doctor.sampling.splits import Splits
from kerasnorm.doctor.time_limit import Progress, TimeLimit

NAMES = {
    "train": "training",
    "validation": "validation",
    "train_unaugmented": "plain training",
    "validation_as_train": "swapped validation",
}


def examine(
    model: keras.Model,
    train: Iterable,
    validation: Iterable | None = None,
    *,
    plain: Iterable | None = None,
    swapped: Iterable | None = None,
    history: Any = None,
    loss: Any = None,
    seconds: float = 30.0,
    samples: int = 1024,
    thorough: bool = True,
    progress: Progress | None = None,
) -> Examination:
    """Find out why validation differs from training, at frozen weights.

    Use it after training, or between epochs. Weights, moving statistics, optimizer,
    random generators and data are afterwards as before, bit for bit.

    Args:
        model: Any Keras model, on any backend.
        train: Training batches `(x, y)` or `(x, y, weights)` as `fit` saw them:
            a `tf.data.Dataset`, a `PyDataset`, a list, a generator (read once), or one
            tuple of arrays.
        validation: Validation batches likewise. Without them only what training data
            show is examined.
        plain: Training samples as validation prepares them, without augmentation;
            tells a shift by augmentation from one of the data.
        swapped: Validation samples as the training pipeline prepares them, nothing
            random: the swap test, which decides whether the preparation differs.
        history: What `fit` returned, or its dictionary of lists; adds what the curves
            tell.
        loss: Loss to use instead of the compiled one.
        seconds: Time after which optional probes are left out; the number of samples
            is chosen to fit, too.
        samples: Largest number of samples of each split that pass through the model;
            probes that need no pass, such as that for wrong labels, look at up to
            twice as many.
        thorough: Whether to train a new copy shortly at two learning rates where
            training got nowhere.
        progress: Called with a sentence at every step.

    Returns:
        The examination.

    Raises:
        TypeError: If the model is none, or batches cannot be iterated.
        ValueError: If there are no batches, or neither a loss nor a way to infer one.

    Example:
        >>> examination = kerasnorm.doctor.examine(model, train, validation)
        >>> print(examination.to_text())
    """
    limit = TimeLimit(seconds, progress)
    check_model(model)
    limit.on_progress("reading batches")
    sources = {
        "train": train,
        "validation": validation,
        "train_unaugmented": plain,
        "validation_as_train": swapped,
    }
    # Loaders that shuffle draw from the global generators.
    with random_numbers_preserved():
        read = {
            name: sample_batches(
                source,
                2 * samples,
                seconds=seconds / 5,
                name=NAMES[name],
                model=model,
            )
            for name, source in sources.items()
            if source is not None or name == "train"
        }
    splits = Splits(**read)
    build(model, splits.train)
    splits = splits.map(lambda name, split: fit_batches(model, split))
    with restored_after(model), compiled_forward_cache():
        found = collect_measurements(
            model, splits, loss, history, limit, samples, thorough
        )
    examination = diagnose(found, limit.notes, limit.taken)
    counts = {name: split.count for name, split in splits.items()}
    return dataclasses.replace(examination, subject=describe_subject(model, counts))
