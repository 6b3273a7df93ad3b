"""Settings of the section Norm: which normalization the network has."""

import dataclasses

from kerasnorm.norm_kinds import NORM_KINDS, names_with
from kerasnorm.training.settings.declaration import Searched, choice, number

NORM_POLICIES = ("frozen", "recalibrate", "group", "unfrozen")


@dataclasses.dataclass(frozen=True)
class NormSettings:
    """Which normalization the network has."""

    norm: str = choice(
        "batch",
        NORM_KINDS,
        "The norm; `none` is norm-free and switches AGC on.",
        details="What each normalizes over is listed below the settings.",
        searched=Searched(("batch", "group", "frn", "switchable", "none"), place=2),
    )
    norm_momentum: float = number(
        0.9,
        "Momentum of moving statistics.",
        0,
        1,
        details="Keras' own default of 0.99 needs hundreds of steps an epoch.",
        only_with={"norm": names_with("has_moving_statistics")},
    )
    norm_policy: str = choice(
        "frozen",
        NORM_POLICIES,
        "What the batch norms of weights do while everything trains.",
        details="They stay as they were trained; train, and have their statistics "
        "measured anew before every validation; are replaced by group norms; or train "
        "like those of a new network.",
        only_with_weights=True,
    )
