"""Settings of the section Run: where results go, devices, seeds and interruptions."""

import dataclasses

from kerasnorm.training.settings.declaration import choice, number, switch, word

ON_NAN = ("stop", "skip", "reduce-lr")
DISTRIBUTE = ("none", "auto")


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """Where results go, devices, seeds and interruptions."""

    on_nan: str = choice(
        "stop",
        ON_NAN,
        "What happens when the loss or a weight becomes NaN or infinite.",
        details="Stop, skip the batch, or resume from the last checkpoint with half "
        "the learning rate.",
        changes_on_resume=True,
    )
    distribute: str = choice(
        "none",
        DISTRIBUTE,
        "auto divides every batch among all devices.",
        is_searchable=False,
        changes_on_resume=True,
    )
    seed: int = number(
        0,
        "Seed of weights, order and augmentation.",
        0,
        2**32 - 1,
        divides_data=True,
    )
    deterministic: bool = switch(
        False, "Same seed, same history, bit for bit; somewhat slower."
    )
    runs: str = word(
        "runs",
        "Folder that holds all runs; a run lies in RUNS/APP/NAME.",
        is_searchable=False,
        writes=True,
    )
    name: str | None = word(
        None, "Name of this run; the time of day if null.", is_of_one_call=True
    )
    resume: str | None = word(
        None,
        "Run directory of an interrupted run to resume.",
        is_of_one_call=True,
        changes_on_resume=True,
        writes=True,
    )
    accept_changes: bool = switch(
        False,
        "Resume although images of the saved split have changed.",
        details="Results then mean something else: a class renamed, validation images "
        "gone.",
        is_of_one_call=True,
        changes_on_resume=True,
    )
    quiet: bool = switch(
        False,
        "Print nothing but the run directory.",
        is_of_one_call=True,
        changes_on_resume=True,
    )
    debug: bool = switch(
        False,
        "Show the traceback of an error.",
        is_of_one_call=True,
        changes_on_resume=True,
    )
