"""The record of one finding."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kerasnorm.codes import CODES, SEVERITIES, TABLE
from kerasnorm.doctor.report.page import render_finding
from kerasnorm.pages.formatting import png_address

WIDTH = 88


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
        evidence: Measured numbers and names, JSON values or NaN only; None for what
            was not measured, which nothing shows.
        remedy: What to do, as a call or a command to type; that of the table of codes
            if empty.
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
    remedy: str = ""
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
        if not self.remedy:
            object.__setattr__(self, "remedy", TABLE[self.code].remedy)

    def __repr__(self) -> str:
        sentence = f"{self.code} ({self.severity}): {self.summary}"
        return f"{wrapped(sentence)}\n{wrapped(f'remedy: {self.remedy}')}"

    def _repr_html_(self) -> str:
        return render_finding({**self.to_dict(), "images": self.image_addresses()})

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as JSON values."""
        return {
            "code": self.code,
            "title": CODES[self.code],
            "severity": self.severity,
            "summary": self.summary,
            "evidence": {k: v for k, v in self.evidence.items() if v is not None},
            "remedy": self.remedy,
            "effect": self.effect,
            "where": list(self.where),
            "alternatives": list(self.alternatives),
        }

    def image_addresses(self) -> list[tuple[str, str]]:
        """Return the images as captions and `data:` addresses."""
        return [(caption, png_address(image)) for caption, image in self.images]
