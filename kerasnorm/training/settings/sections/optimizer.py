"""Settings of the section Optimizer: what a training step does to the weights."""

import dataclasses

from kerasnorm.training.settings.declaration import Searched, choice, number, switch

OPTIMIZERS = ("sgd", "adam", "adamw", "muon", "ranger21")


@dataclasses.dataclass(frozen=True)
class OptimizerSettings:
    """What a training step does to the weights."""

    optimizer: str = choice(
        "adamw",
        OPTIMIZERS,
        "The update rule.",
        searched=Searched(OPTIMIZERS, place=4),
    )
    learning_rate: float | str = number(
        2e-3,
        "Peak learning rate; auto for a range test.",
        0,
        above=True,
        choices=("auto",),
        searched=Searched(low=3e-4, high=3e-2, log=True, place=5),
    )
    weight_decay: float = number(
        0.02,
        "Decoupled weight decay of the kernels.",
        0,
        searched=Searched(low=1e-4, high=1e-1, log=True, place=6),
    )
    agc: float | None = number(
        None,
        "Adaptive gradient clipping, as a fraction of the weight norm; null for none.",
        0,
        above=True,
        searched=Searched((0.0, 0.01, 0.02, 0.04, 0.08), place=7),
    )
    gradient_centralization: bool = switch(
        False, "Subtract the mean from every kernel's gradient."
    )
    lookahead: bool = switch(False, "Average the weights every five steps.")
    sam: float | None = number(
        None,
        "Radius of sharpness-aware minimization; null for none.",
        0,
        above=True,
    )
    accumulate: int = number(
        1,
        "Batches whose gradients are averaged to one step of the optimizer.",
        1,
        details="Norms still see single batches.",
    )
