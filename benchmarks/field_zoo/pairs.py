"""What set-ups of the field zoo share: causes, image sources, healthy twins."""

from dataclasses import replace

from benchmarks.field_zoo.setup import SetUp

STALE, FIT = ("stale_statistics",), ("overfitting",)
INPUTS, NOISE = ("input_mismatch",), ("label_noise",)
HARD = {"source": "cifar_hard", "train": 4000}
PAIR = {"source": "cifar_pair", "train": 4000}
FOUR = {"source": "cifar_four", "train": 4000, "head": "softmax"}
#: As few epochs and as many images as leave no large gap.
LITTLE = {"train": 2000, "epochs": 6, "augmented": True}


def with_twin(setup: SetUp, **changes) -> tuple[SetUp, SetUp]:
    """Return a set-up and its healthy twin.

    Args:
        setup: The set-up.
        changes: What the twin does otherwise; no two twins are the same training, so
            that each healthy run counts, and one that was not there when thresholds
            were chosen is for reporting.
    """
    name = f"{setup.name}_twin"
    return setup, replace(
        setup, **{"name": name, "causes": (), "choosing": False} | changes
    )
