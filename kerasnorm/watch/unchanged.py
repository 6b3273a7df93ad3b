"""Keeps everything that a script could tell a watched run from."""

import contextlib
import copy
import gc
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from kerasnorm.inspection import random_state

# Of Keras' state: numbers in names, and the generator of what has no seed.
COUNTS, GENERATOR = "object_name_uids", "global_seed_generator"


@contextlib.contextmanager
def unchanged() -> Iterator[None]:
    """Restore every random state and Keras' names when the block ends.

    What is printed inside goes to standard error.

    Yields:
        Nothing.
    """
    states = random_state.capture()
    undo = [*_generators(), *_names()]
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        for restore in undo:
            restore()
        random_state.put_back(states)


def _generators() -> Iterator[Callable[[], object]]:
    """Yield what restores each generator that is alive, whoever holds it.

    Layers, data sets and scripts have generators of their own, and so has TensorFlow
    for operations without a seed.
    """
    for found in gc.get_objects():
        kind = type(found)
        # Proxies import modules when they are asked for their class.
        if issubclass(kind, keras.random.SeedGenerator):
            yield _restoring(found.state)
        elif issubclass(kind, np.random.Generator):
            yield _setting(found.bit_generator, "state")
        elif issubclass(kind, np.random.RandomState):
            yield _calling(found.set_state, found.get_state(legacy=False))
        elif issubclass(kind, random.Random) and kind is not random.SystemRandom:
            yield _calling(found.setstate, found.getstate())
        elif kind.__name__ == "Generator" and kind.__module__.startswith("tensorflow"):
            yield _restoring(found.state)


def _restoring(variable: Any) -> Callable[[], object]:
    value = np.array(keras.ops.convert_to_numpy(variable))
    return lambda: variable.assign(value)


def _setting(owner: Any, name: str) -> Callable[[], object]:
    value = copy.deepcopy(getattr(owner, name))
    return lambda: setattr(owner, name, value)


def _calling(function: Callable[[Any], object], value: Any) -> Callable[[], object]:
    return lambda: function(value)


def _names() -> Iterator[Callable[[], object]]:
    """Yield what restores the numbers in the names of layers and the like.

    New layers count on from those that an examination makes; nothing public reads or
    sets these numbers, so they are taken from where a public function keeps them.
    """
    state = getattr(keras.backend.get_uid, "__wrapped__", keras.backend.get_uid)
    module = state.__globals__.get("global_state")
    tracker = getattr(module, "GLOBAL_STATE_TRACKER", None)
    if tracker is None:
        return
    # What else is kept there, such as variables that wait for their values, changes
    # for good where it is used.
    names = vars(tracker).get(COUNTS)
    before = dict(names) if names is not None else {}
    generator = vars(tracker).get(GENERATOR)

    def restore() -> None:
        counts = vars(tracker).get(COUNTS)
        if counts is not None:
            counts.clear()
            counts.update(before)
        setattr(tracker, GENERATOR, generator)

    yield restore
