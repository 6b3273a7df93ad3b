"""What `kerasnorm doctor` does with a loaded model and its batches."""

import pathlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras

from kerasnorm.codes import SEVERITIES
from kerasnorm.doctor.cells import Cell
from kerasnorm.doctor.examination import Examination
from kerasnorm.doctor.examine import examine
from kerasnorm.doctor.losses.label_format import encode_labels
from kerasnorm.doctor.prove import Proof, Trial, prove
from kerasnorm.pages.formatting import loss, measured, words

#: Exit status of `--ci` where something was found.
FOUND = 3


@dataclass(frozen=True)
class DiagnosisResult:
    """An examination, with its proof where one was asked for.

    Args:
        examination: The examination.
        proof: What the remedy did, None unless asked for.
        repaired: Where the repaired model was saved, None for nowhere.
    """

    examination: Examination
    proof: Proof | None = None
    repaired: pathlib.Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values: those of the examination, and `proof`."""
        values = self.examination.to_dict()
        if self.proof is not None:
            values["proof"] = {
                "remedy": self.proof.remedy,
                "gain": self.proof.to_dict()["gain"],
                "before": _outcome(self.proof.before),
                "after": self.proof.after and _outcome(self.proof.after),
                "repaired_model": self.repaired and str(self.repaired),
                "trials": [trial.to_dict() for trial in self.proof.trials],
            }
        return values

    def to_text(self, width: int = 100) -> str:
        """Return the table for the terminal, and before and after of the remedy."""
        text = self.examination.to_text(width)
        if self.proof is None:
            return text
        text += "".join(f"{_trial_line(trial)}\n" for trial in self.proof.trials)
        if self.proof.after is None:
            return f"{text}proof: {self.proof.remedy}\n"
        before, after = self.proof.before, self.proof.after
        lines = [f"proof: {self.proof.remedy}"]
        lines += [
            f"  {name}  validation loss {loss(_validation_loss(found))}  "
            f"{found.verdict}"
            for name, found in (("before", before), ("after ", after))
        ]
        if self.repaired is not None:
            lines.append(f"  repaired model: {self.repaired}")
        return text + "\n".join(lines) + "\n"

    def to_html(self) -> str:
        """Return a self-contained page, with before and after of the remedy."""
        return self.examination.to_html(proof=self.to_dict().get("proof"))


def _trial_line(trial: Trial) -> str:
    """Return one line: what was tried for a finding and what it changed."""
    if trial.after is None:
        return f"tried for {trial.code}: {trial.remedy}"
    changes = [
        f"{words(name)} {measured(before, name)} to {measured(after, name)}"
        for name, before in trial.before.items()
        if before is not None and (after := trial.after[name]) is not None
    ]
    return f"tried for {trial.code}: {trial.remedy}; {', '.join(changes)}"


def _validation_loss(examination: Examination) -> float | None:
    """Return the validation loss as seen, None where it is NaN or infinite."""
    return examination.to_dict()["losses"].get(Cell.VALIDATION_MOVING)


def _outcome(examination: Examination) -> dict[str, Any]:
    return {
        "verdict": examination.verdict,
        "validation_loss": _validation_loss(examination),
    }


def diagnose_model(
    model: keras.Model,
    train: Iterable,
    validation: Iterable | None,
    *,
    prove_remedy: bool = False,
    save_beside: pathlib.Path | None = None,
    notes: Iterable[str] = (),
    subject: Mapping[str, str] | None = None,
    **options: Any,
) -> DiagnosisResult:
    """Examine a model, and try the first remedy if asked.

    Args:
        model: The model; it stays as it is.
        train: Training batches, iterable twice if the remedy is to be tried.
        validation: Validation batches likewise.
        prove_remedy: Whether to treat a copy and measure again.
        save_beside: The model's file; the repaired copy goes beside it, as
            `NAME.repaired.keras`, and never over it.
        notes: What was done to make inputs of files, for the report.
        subject: Where model and data lie, for the report.
        **options: Arguments of `examine`.

    Returns:
        The examination and, where asked for, its proof.
    """
    train = encode_labels(model, train)
    if validation is not None:
        validation = encode_labels(model, validation)
    examination = examine(model, train, validation, **options)
    examination = replace(
        examination,
        notes=(*notes, *examination.notes),
        subject={**(subject or {}), **examination.subject},
    )
    if not prove_remedy or validation is None:
        return DiagnosisResult(examination)
    # What limits or defines the first examination holds for the second one.
    same = {n: options[n] for n in ("seconds", "samples", "loss") if n in options}
    proof = prove(model, train, validation, before=examination, **same)
    path = None
    if proof.model is not None and save_beside is not None:
        path = save_beside.with_suffix(".repaired.keras")
        proof.model.save(path)
    return DiagnosisResult(examination, proof, path)


def exit_status(examination: Examination, fail_on: str = "warning") -> int:
    """Return 3 if anything was found at or above a severity, otherwise 0.

    Args:
        examination: The examination.
        fail_on: `"info"`, `"warning"` or `"error"`.

    Raises:
        ValueError: If the severity is unknown.
    """
    if fail_on not in SEVERITIES:
        raise ValueError(
            f"expected `fail_on` to be one of {', '.join(SEVERITIES)}, received "
            f"{fail_on!r}"
        )
    least = SEVERITIES.index(fail_on)
    found = [SEVERITIES.index(f.severity) for f in examination.findings]
    return FOUND if any(severity >= least for severity in found) else 0
