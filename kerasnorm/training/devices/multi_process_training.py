"""Several processes that train one model together: one leads, the others follow."""

import contextlib
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from kerasnorm.training.settings import Settings
from kerasnorm.training.settings.errors import UsageError

# Keras reads it, and beside it the address of the first process and the own number:
# KERAS_DISTRIBUTION_JOB_ADDRESSES and KERAS_DISTRIBUTION_PROCESS_ID.
COUNT_VARIABLE = "KERAS_DISTRIBUTION_NUM_PROCESSES"


def join(settings: Settings) -> None:
    """Meet the other processes, if Keras' environment variables say there are any.

    Call it before anything is computed. Only JAX trains in several processes, started
    with the same settings, and only with `distribute="auto"`.

    Args:
        settings: The run's settings.

    Raises:
        UsageError: If the settings would have each process decide by its own clock, or
            do not tell all of them the run directory.
    """
    if settings.distribute == "none" or keras.config.backend() != "jax":
        return
    if COUNT_VARIABLE not in os.environ:
        return
    for flag, is_set in (
        ("--max-minutes", settings.max_minutes is not None),
        ("--learning-rate auto", settings.learning_rate == "auto"),
    ):
        if is_set:
            raise UsageError(
                f"expected no {flag} with several processes, received it; they would "
                "not decide alike"
            )
    if settings.name is None and settings.resume is None:
        raise UsageError(
            "expected --name or --resume with several processes, received none; they "
            "have to find one run directory"
        )
    if not _is_joined():
        # With a seed Keras need not agree on one over the network.
        keras.utils.set_random_seed(settings.seed)
        keras.distribution.initialize()


def count() -> int:
    """Return how many processes train together, 1 for an ordinary run."""
    return _jax().process_count() if _is_joined() else 1


def index() -> int:
    """Return the number of this process; 0 leads."""
    return _jax().process_index() if _is_joined() else 0


def agree(number: int) -> int:
    """Return the largest number that any process has given.

    Every process has to call it at the same place of the training.

    Args:
        number: The own number.
    """
    if count() == 1:
        return number
    from jax.experimental import multihost_utils

    return int(np.max(multihost_utils.process_allgather(np.array(number))))


def own_rows(batches: Any) -> Any:
    """Cut the rows of this process out of every batch.

    Args:
        batches: Dataset of (images, labels), the same in all processes; the rows of
            a batch can be shared evenly.
    """
    processes, own = count(), index()
    if processes == 1:
        return batches
    import tensorflow as tf

    def cut(*parts):
        rows = tf.shape(parts[0])[0] // processes
        selected = slice(own * rows, (own + 1) * rows)
        return tuple(part[selected] for part in parts)

    return batches.map(cut)


def directory_of(settings: Settings) -> pathlib.Path:
    """Return the run directory that the leader writes.

    Args:
        settings: The settings that all processes have been given.
    """
    if settings.resume is not None:
        return pathlib.Path(settings.resume)
    return pathlib.Path(settings.runs, settings.app, str(settings.name))


@contextlib.contextmanager
def own_settings(settings: Settings) -> Iterator[Settings]:
    """Give the leader its settings, and the others a run directory to throw away.

    They train and restore like the leader, and what they write is lost.

    Args:
        settings: The settings that all processes have been given.
    """
    # The leader may still be writing the checkpoint of an interruption.
    agree(0)
    if index() == 0:
        # The others may still be reading the run directory.
        agree(0)
        yield settings
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder, "resumed")
        if settings.resume is not None and os.path.isdir(settings.resume):
            shutil.copytree(settings.resume, copy)
        agree(0)
        yield settings.replace(
            runs=folder,
            resume=None if settings.resume is None else str(copy),
            examine=False,
            preflight=False,
            quiet=True,
        )


def _is_joined() -> bool:
    return keras.config.backend() == "jax" and _jax().distributed.is_initialized()


def _jax() -> Any:
    import jax

    return jax
