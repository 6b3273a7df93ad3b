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
    kept = {
        name: (value, copy.copy(value) if isinstance(value, dict) else None)
        for name, value in vars(tracker).items()
    }

    def restore() -> None:
        for name in set(vars(tracker)) - set(kept):
            delattr(tracker, name)
        for name, (value, content) in kept.items():
            setattr(tracker, name, value)
            if content is not None:
                value.clear()
                value.update(content)

    yield restore
