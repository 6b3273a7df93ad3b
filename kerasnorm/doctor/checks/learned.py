"""Judges whether the network has learned its training samples at all."""

from kerasnorm.doctor.finding import Finding
from kerasnorm.doctor.measurements import Measurements
from kerasnorm.doctor.probes.learning_rate import RateTrial

# Part of the prior entropy that outputs must explain: below it a network has learned
# little.
LITTLE_SKILL = 0.1
# Interval of an accuracy that still counts as guessing, in standard errors.
GUESSING = 2.58


def is_guessing(m: Measurements) -> bool:
    """Return whether training accuracy cannot be told from guessing."""
    scores = m.scores.get(m.repaired[0])
    if scores is None:
        return False
    error = (scores.guessing * (1 - scores.guessing) / len(scores.labels)) ** 0.5
    above = scores.accuracy > scores.guessing + GUESSING * error
    # With unequal classes outputs may know much and still name the largest class.
    return not above and scores.skill[1] < LITTLE_SKILL / 2


def has_learned_little(m: Measurements) -> bool:
    """Return whether the network knows little even of its training samples."""
    scores = m.scores.get(m.repaired[0])
    if scores is None or scores.prior_entropy == 0:
        return False
    return is_guessing(m) or scores.skill[2] < LITTLE_SKILL


def check_learned(m: Measurements) -> Finding | None:
    """Find a network that has learned nothing, or little."""
    if not has_learned_little(m):
        return None
    trained = m.repaired[0]
    scores = m.scores[trained]
    epochs = m.curves.epochs if m.curves else None
    when = (
        f" after {epochs} epoch{'s' if epochs > 1 else ''}"
        if epochs
        else f" after {m.optimizer.steps} steps"
        if m.optimizer.steps
        else ""
    )
    nothing = is_guessing(m)
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
