"""Judges whether the network has learned its training samples at all."""

from kerasnorm.doctor.finding import Finding
from kerasnorm.doctor.loss_matrix.scores import LITTLE_SKILL
from kerasnorm.doctor.measurements import Measurements
from kerasnorm.doctor.probes.rates.rate_trial import RateTrial

# A constant that fits fewer samples best fits them better than others by over 6%.
FEWEST = 16
SCALE_TARGETS = (
    "train on (targets - mean) / std, and undo it behind the last layer: "
    "keras.layers.Rescaling(std, mean)"
)


def _skill(m: Measurements) -> tuple[float, float, float] | None:
    """Return what outputs save of the loss of the best constant, with 95% interval.

    Losses are compared sample by sample: what makes a sample hard for the network and
    for a constant alike does not count. None for classes, whose scores say more, and
    where no constant is known or samples are too few to choose one.
    """
    scale, trained = m.scale, m.repaired[0]
    if m.scores or scale.gap is None or not m.has(trained):
        return None
    losses, constants, perfects = (
        m.matrix.losses[trained],
        scale.constants,
        scale.perfects,
    )
    if constants is None or perfects is None or len(losses) < FEWEST:
        return None
    return m.draws.ratio(trained, constants - losses, constants - perfects)


def check_learned(m: Measurements) -> Finding | None:
    """Find a network that has learned nothing, or little."""
    if not m.scores:
        return _check_outputs(m)
    if not m.has_learned_little:
        return None
    trained = m.repaired[0]
    scores, epochs, when = m.scores[trained], _epochs(m), _when(m)
    nothing = scores.is_guessing
    reason, because, remedy = _reason(m)
    return Finding(
        "not_learned",
        "error" if nothing else "warning",
        f"The network has learned {'nothing' if nothing else 'little'} of its training "
        f"samples: {scores.accuracy:.0%} accuracy{when}; guessing gives "
        f"{scores.guessing:.0%}.{because}",
        {
            "training_accuracy": scores.accuracy,
            "guessing": scores.guessing,
            "skill": scores.skill[0],
            "skill_interval": list(scores.skill[1:]),
            "samples": len(scores.labels),
            "epochs": epochs,
            "reason": reason,
        },
        remedy,
        max(scores.prior_entropy, 0.0),
    )


def _epochs(m: Measurements) -> int | None:
    return m.curves.epochs if m.curves else None


def _when(m: Measurements) -> str:
    epochs = _epochs(m)
    if epochs:
        return f" after {epochs} epoch{'s' if epochs > 1 else ''}"
    return f" after {m.optimizer.steps} steps" if m.optimizer.steps else ""


def _check_outputs(m: Measurements) -> Finding | None:
    """Find outputs of other kinds than classes that are no better than a constant."""
    skill = _skill(m)
    if skill is None or skill[2] >= LITTLE_SKILL:
        return None
    nothing, trained = skill[0] <= 0, m.repaired[0]
    far = m.scale.targets_are_far
    because = (
        f" Targets are {m.scale.targets:.3g} on average, outputs "
        f"{m.scale.outputs:.3g}: it is a matter of their scale, not of the learning "
        "rate."
    )
    reason, why, remedy = (
        ("scale_of_targets", because, SCALE_TARGETS) if far else _reason(m)
    )
    return Finding(
        "not_learned",
        "error" if nothing else "warning",
        f"The network has learned {'nothing' if nothing else 'little'} of its training "
        f"samples: a loss of {m.matrix.mean(trained):.3g}{_when(m)}; the best constant "
        f"answer gives {m.scale.constant:.3g}.{why}",
        {
            "training_loss": m.matrix.mean(trained),
            "loss_of_a_constant": m.scale.constant,
            "skill": skill[0],
            "skill_interval": list(skill[1:]),
            "samples": len(m.matrix.losses[trained]),
            "epochs": _epochs(m),
            "reason": reason,
        },
        remedy,
        m.scale.gap or 0.0,
    )


def _reason(m: Measurements) -> tuple[str | None, str, str]:
    """Return why nothing was learned: a code, a sentence and a remedy."""
    look = "look at one batch: its inputs, its labels and their order"
    if m.extra.get("trainable_variables") == 0:
        return (
            "nothing_trainable",
            " No variable is trainable.",
            "set trainable = True on the layers that should learn, then compile again",
        )
    trial = m.rate_trial
    if trial is None:
        return (
            None,
            "",
            "train longer; if the training loss does not fall, try other learning "
            f"rates (kerasnorm.callbacks.LearningRateFinder) and {look}",
        )
    return _reason_of(trial, m.optimizer.steps, look)


def _reason_of(
    trial: RateTrial, steps: int | None, look: str
) -> tuple[str | None, str, str]:
    learned = trial.learning_factors
    trained = f" From new weights, {trial.steps} steps"
    if not learned:
        return (
            "nothing_learned_at_any_rate",
            f"{trained} taught nothing at any of {len(trial.skill_by_factor)} rates "
            "either.",
            f"{look}; labels that fit no input, or far more steps",
        )
    if 1.0 in learned and steps is not None and steps < trial.steps:
        return (
            "few_steps",
            f"{trained} at the same rate do teach it something; it took {steps}.",
            "train longer",
        )
    if 1.0 in learned:
        return (
            "training_differs",
            f"{trained} at the same rate on shuffled batches do teach it something.",
            f"{look}; were the layers frozen, or the weights set, meanwhile?",
        )
    factor = learned[0] if learned[0] > 1 else learned[-1]
    better = trial.learning_rate * factor
    return (
        "learning_rate_too_low" if factor > 1 else "learning_rate_perhaps_too_high",
        f"{trained} at a rate of {better:.2g} instead of {trial.learning_rate:.2g} do "
        "teach it something.",
        f"learning_rate={better:.2g}; kerasnorm.callbacks.LearningRateFinder finds a "
        "better one",
    )
