"""What was examined, when and by which versions."""

import datetime
from collections.abc import Mapping

import keras

from kerasnorm.version import __version__


def describe_subject(model: keras.Model, samples: Mapping[str, int]) -> dict[str, str]:
    """Return what a reader of a report must know to tell it from another.

    Args:
        model: The model.
        samples: Number of samples by the name of the split.

    Returns:
        Model, samples of each split, date with time zone, and versions, as text.
    """
    now = datetime.datetime.now().astimezone()
    return {
        "model": f"{model.name}, {model.count_params():,} parameters",
        "training samples": _measured(samples["train"]),
        "validation samples": _measured(samples.get("validation")),
        "date": now.strftime("%Y-%m-%d %H:%M %Z"),
        "versions": f"kerasnorm {__version__}, Keras {keras.version()} on "
        f"{keras.backend.backend()}",
    }


def _measured(count: int | None) -> str:
    return "none" if count is None else f"{count:,} measured"
