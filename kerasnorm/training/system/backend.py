"""The flag `--backend`: what Keras computes with."""

import importlib.util
import os
import sys
from typing import Any

from kerasnorm.training.settings.errors import UsageError

BACKENDS = ("tensorflow", "jax", "torch")
VARIABLE = "KERAS_BACKEND"


def add_flag(parser: Any) -> None:
    """Add `--backend` to a command that uses Keras.

    Args:
        parser: The parser of the command.
    """
    parser.add_choice(
        "--backend",
        BACKENDS,
        f"What Keras computes with; {VARIABLE} or keras.json say it if not given",
    )


def choose_backend(name: str | None) -> None:
    """Have Keras compute with a backend, in this process and those it starts.

    Call it before Keras is imported.

    Args:
        name: The backend; None leaves the choice to the environment and keras.json.

    Raises:
        UsageError: If there is no such backend, it is not installed, or something else
            has been chosen already.
    """
    if name is None:
        return
    if name not in BACKENDS or importlib.util.find_spec(name) is None:
        installed = [one for one in BACKENDS if importlib.util.find_spec(one)]
        raise UsageError(
            f"expected --backend to be one of {', '.join(BACKENDS)} that is installed, "
            f"received {name!r}; installed here: {', '.join(installed) or 'none'}"
        )
    wished = os.environ.get(VARIABLE, name)
    if wished != name:
        raise UsageError(
            f"expected --backend and the variable {VARIABLE} to agree, received {name} "
            f"and {wished}; leave one of them out"
        )
    keras = sys.modules.get("keras")
    if keras is not None and keras.config.backend() != name:
        raise UsageError(
            f"expected --backend {keras.config.backend()}, with which Keras computes "
            f"in this process already, received {name}; start another process"
        )
    os.environ[VARIABLE] = name
