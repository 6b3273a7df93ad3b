"""The result of an examination: verdict, findings, budget, and their forms."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kerasnorm.codes import CODES, HEALTHY
from kerasnorm.doctor.finding import Finding, wrapped
from kerasnorm.doctor.loss_matrix.budget import GapBudget
from kerasnorm.doctor.report.page import render_page
from kerasnorm.doctor.report.terminal import render_text


@dataclass(frozen=True, repr=False)
class Examination:
    """What the doctor found.

    Args:
        findings: Causes, the most likely first; informative ones last.
        budget: The gap between training and validation loss in parts that add up,
            None without validation data or labels.
        losses: Mean loss of each cell of the loss matrix.
        measurements: What else was measured, JSON values.
        notes: What could not be examined, and what was assumed.
        seconds: Time it took.
        remains: What lies between the splits after all repairs, and how large an
            effect of what was not found would have been seen.
        subject: What was examined, when and by which versions, as text by name.

    Example:
        >>> examination = kerasnorm.doctor.examine(model, train, validation)
        >>> examination.verdict
        'stale_statistics'
        >>> print(examination.to_text())
    """

    findings: tuple[Finding, ...]
    budget: GapBudget | None
    losses: Mapping[str, float]
    measurements: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    remains: str = ""
    subject: Mapping[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """Code of the most likely cause, `"healthy"` if none could be proved."""
        for finding in self.findings:
            if finding.severity != "info":
                return finding.code
        return HEALTHY

    @property
    def summary(self) -> str:
        """One sentence for the verdict."""
        for finding in self.findings:
            if finding.severity != "info":
                return finding.summary
        return f"{CODES[HEALTHY]} {self.remains}".strip()

    def __repr__(self) -> str:
        # The finding that is the verdict says its summary itself.
        summary = f". {self.summary}" if self.verdict == HEALTHY else ""
        lines = [wrapped(f"verdict: {self.verdict}{summary}")]
        lines += [repr(finding) for finding in self.findings]
        if self.budget is not None:
            lines.append(repr(self.budget))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return self.to_html(fragment=True)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON values; what is not a number becomes None."""
        values = {
            "verdict": self.verdict,
            "summary": self.summary,
            "findings": [finding.to_dict() for finding in self.findings],
            "budget": self.budget.to_dict() if self.budget else None,
            "losses": dict(self.losses),
            "measurements": dict(self.measurements),
            "notes": list(self.notes),
            "remains": self.remains,
            "subject": dict(self.subject),
            "seconds": round(self.seconds, 2),
        }
        return _plain(values)

    def to_json(self, indent: int | None = 2) -> str:
        """Return everything as JSON text."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    def to_text(self, width: int = 100) -> str:
        """Return a table for the terminal, without colours.

        Args:
            width: Columns of the terminal.
        """
        return render_text(self.to_dict(), width)

    def to_html(
        self, fragment: bool = False, proof: Mapping[str, Any] | None = None
    ) -> str:
        """Return a self-contained page.

        Args:
            fragment: Whether to return a `<section>` to put into another page.
            proof: What the remedy did, as JSON values, None where it was not tried.
        """
        values = self.to_dict()
        for shown, finding in zip(values["findings"], self.findings, strict=True):
            shown["images"] = finding.image_addresses()
        return render_page(values, fragment, proof)


def _plain(value: Any) -> Any:
    """Replace what JSON does not know: NaN, tuples, NumPy's numbers."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    return value
