"""Settings of the section Schedule: how long training continues, and how it changes."""

import dataclasses

from kerasnorm.training.settings.declaration import Searched, choice, number, switch

SCHEDULES = ("constant", "cosine", "stable_decay")


@dataclasses.dataclass(frozen=True)
class ScheduleSettings:
    """How long training continues, and what changes meanwhile."""

    schedule: str = choice(
        "cosine",
        SCHEDULES,
        "Course of the learning rate after the warm-up.",
        searched=Searched(SCHEDULES, place=12),
    )
    warmup_epochs: float = number(
        1.0,
        "Epochs in which the learning rate rises from 0.",
        0,
        only_with={"schedule": ("cosine", "stable_decay")},
    )
    progressive_resizing: bool = switch(
        False,
        "Train on images of 0.6, then 0.8 of the side for the first 70% of training.",
        details="They have half the pixels on average, but none is below 32 pixels; "
        "validation always sees the full size.",
        old_names=("progressive",),
    )
    epochs: int = number(
        30,
        "Passes over the training images.",
        1,
        is_searchable=False,
        changes_on_resume=True,
    )
    max_minutes: float | None = number(
        None,
        "Training ends with the epoch nearest to so many minutes; null for no limit.",
        0,
        above=True,
        details="The schedule ends with it.",
        changes_on_resume=True,
    )
    patience: int = number(
        15,
        "Epochs without a better validation loss before training stops.",
        1,
        changes_on_resume=True,
    )
