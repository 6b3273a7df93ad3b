"""The state of every global random generator that a training may draw from."""

import random
from typing import Any

import keras
import numpy as np


def capture() -> dict[str, Any]:
    """Return the states of Python's, NumPy's and, on its backend, PyTorch's generators.

    Keras draws the seeds of new layers from the first two, and leaves dropout on the
    PyTorch backend to the third. TensorFlow and JAX draw from the variables of seed
    generators, which belong to the model.

    Returns:
        Plain values and arrays, for `put_back` and for a file.
    """
    version, words, gauss = random.getstate()
    state: dict[str, Any] = {
        "python": [version, list(words), gauss],
        "numpy": np.random.get_state(legacy=False),
    }
    if keras.backend.backend() == "torch":
        import torch

        state["torch"] = [torch.get_rng_state().numpy().copy()]
        if torch.cuda.is_available():
            state["torch"] += [
                device.cpu().numpy() for device in torch.cuda.get_rng_state_all()
            ]
    return state


def put_back(state: dict[str, Any]) -> None:
    """Let all generators continue from a captured state.

    Args:
        state: What `capture` returned, on the same backend.
    """
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    np.random.set_state(state["numpy"])
    put_back_torch(state)


def put_back_torch(state: dict[str, Any]) -> None:
    """Let PyTorch's generators continue from a captured state; elsewhere do nothing.

    Args:
        state: What `capture` returned.
    """
    if "torch" in state and keras.backend.backend() == "torch":
        import torch

        processor, *devices = (torch.from_numpy(array) for array in state["torch"])
        torch.set_rng_state(processor)
        if devices:
            torch.cuda.set_rng_state_all(devices)
