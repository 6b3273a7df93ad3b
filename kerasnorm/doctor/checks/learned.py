"""Judges whether the network has learned its training samples at all."""

from kerasnorm.doctor.finding import Finding
from kerasnorm.doctor.measurements import Measurements

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
    return Finding(
        "not_learned",
        "error" if nothing else "warning",
        f"The network has learned {'nothing' if nothing else 'little'} of its training "
        f"samples: {scores.accuracy:.0%} accuracy{when}; guessing gives "
        f"{scores.guessing:.0%}.",
        {
            "training_accuracy": scores.accuracy,
            "guessing": scores.guessing,
            "skill": scores.skill[0],
            "skill_interval": list(scores.skill[1:]),
            "samples": len(scores.labels),
            "epochs": epochs,
            "reason": None,
        },
        "train longer; if the training loss does not fall, try other learning rates "
        "(kerasnorm.callbacks.LearningRateFinder) and look at one batch: its inputs, "
        "its labels and their order",
        max(scores.prior_entropy, 0.0),
    )
