"""What the doctor can find: the codes, and the record of one finding."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

HEALTHY = "healthy"

#: Every code with the sentence that explains it to somebody who has not met it.
CODES: dict[str, str] = {
    HEALTHY: "No cause that the measurements can prove.",
    "broken_statistics": "Moving statistics are not numbers, negative or out of range.",
    "mixed_precision_overflow": "Float16 activations overflow where float32 ones do "
    "not.",
    "leakage": "Validation samples are also in the training data.",
    "label_mismatch": "Labels and outputs count the classes differently.",
    "input_mismatch": "Inputs are prepared differently from those that the network was "
    "trained on.",
    "ordered_batches": "Training batches hold fewer classes than shuffling would give.",
    "freeze_without_recompile": "Layers were frozen after `compile`, so they still "
    "train.",
    "training_flag_overridden": "`training=` written into the graph is overridden by "
    "`fit`.",
    "unfrozen_norm_in_frozen_base": "Batch norms train inside a frozen base.",
    "ema_statistics": "Averaged weights run with the moving statistics of others.",
    "single_sample_batch": "Batches of one sample spoil the moving statistics.",
    "gradient_accumulation": "Batch norms see the small parts of an accumulated batch.",
    "small_batch": "Batches are too small for their statistics.",
    "dropout_before_norm": "Dropout in front of a batch norm shifts its statistics.",
    "train_augmentation_shift": "Statistics of augmented images do not fit plain ones.",
    "stale_statistics": "Moving statistics lag behind the weights.",
    "not_learned": "The network has learned nothing, or little, of its training "
    "samples.",
    "norm_momentum": "The momentum of a batch norm is too high for the steps of an "
    "epoch.",
    "learning_rate_too_high": "The learning rate is too high for training to settle.",
    "learning_rate_too_low": "The learning rate is too low for the loss to fall.",
    "nothing_trainable": "No variable of the model is trainable.",
    "unconnected_variables": "The loss sends trainable variables no gradient.",
    "non_finite_gradient": "Gradients are NaN or infinite.",
    "wrong_gradient": "The gradient of a layer is not that of its output.",
    "vanishing_gradient": "Gradients differ by orders of magnitude between layers.",
    "dead_units": "Units are 0 for every sample, so they learn nothing.",
    "cannot_overfit_one_batch": "The model cannot learn even one batch.",
    "wrong_initial_loss": "New weights begin above the loss of chance.",
    "input_range": "Inputs are constant, not finite, or use a small part of their "
    "range.",
    "label_noise": "A share of the labels is wrong, and the network learned them.",
    "domain_shift": "Validation inputs come from another distribution.",
    "overfitting": "The network fits the training samples, not the task.",
}

WIDTH = 88
SEVERITIES = ("info", "warning", "error")


def wrapped(text: str) -> str:
    """Return a sentence in lines that fit a terminal, all but the first indented.

    Args:
        text: The sentence.
    """
    return textwrap.fill(text, WIDTH, subsequent_indent="  ", break_long_words=True)


@dataclass(frozen=True, repr=False)
class Finding:
    """One cause with its proof and its remedy.

    Args:
        code: One of `CODES`.
        severity: `"info"`, `"warning"` or `"error"`. Only warnings and errors can
            become the verdict.
        summary: One sentence with the numbers that matter.
        evidence: Measured numbers and names, JSON values only.
        remedy: What to do, as a call or a command to type.
        effect: Loss that this cause explains, in the unit of the loss; ranks the
            findings of equal severity.
        where: Paths of the layers concerned, if any.
        alternatives: Codes that the measurements cannot tell from this one; the
            summary then says what would decide.
        images: Images to look at, uint8 of `(height, width, 1 or 3)`, each with its
            caption; only the page shows them.

    Raises:
        ValueError: If the code or the severity is unknown.
    """

    code: str
    severity: str
    summary: str
    evidence: Mapping[str, Any]
    remedy: str
    effect: float = 0.0
    where: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = field(default=())
    images: tuple[tuple[str, np.ndarray], ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(
                f"expected `code` to be one of {', '.join(CODES)}, received "
                f"{self.code!r}"
            )
        if self.severity not in SEVERITIES:
            raise ValueError(
                f"expected `severity` to be one of {', '.join(SEVERITIES)}, received "
                f"{self.severity!r}"
            )

    def __repr__(self) -> str:
        sentence = f"{self.code} ({self.severity}): {self.summary}"
        return f"{wrapped(sentence)}\n{wrapped(f'remedy: {self.remedy}')}"

    def _repr_html_(self) -> str:
        from kerasnorm.doctor.report.report_html import render_finding

        return render_finding(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as JSON values."""
        return {
            "code": self.code,
            "title": CODES[self.code],
            "severity": self.severity,
            "summary": self.summary,
            "evidence": dict(self.evidence),
            "remedy": self.remedy,
            "effect": self.effect,
            "where": list(self.where),
            "alternatives": list(self.alternatives),
        }
