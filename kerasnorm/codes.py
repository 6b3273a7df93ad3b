"""What can be found in a training: the table of codes in `codes.toml`, severities.

The doctor measures, `kerasnorm lint` reads; one code means one cause in both.
"""

import importlib.resources
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

HEALTHY = "healthy"
SEVERITIES = ("info", "warning", "error")
#: What follows the root causes, in the order in which a user should act: free repairs,
#: then what needs another training, then what needs other data.
TIERS = ("statistics", "retrain", "data")
ROOT = "root"


@dataclass(frozen=True)
class Code:
    """One thing that the doctor or `lint` can find.

    Args:
        meaning: A sentence for somebody who has not met it.
        severity: The most serious a finding of it can be, one of `SEVERITIES`.
        remedy: What to do where a finding knows nothing more specific.
        tier: `"root"` for causes that bring about what others find, one of `TIERS`,
            or empty.
        examine: How `doctor.examine` decides; empty where it does not look for it.
        preflight: How `doctor.preflight` decides, likewise.
        lint: What `kerasnorm lint` reads it from, likewise.
    """

    meaning: str
    severity: str
    remedy: str = ""
    tier: str = ""
    examine: str = ""
    preflight: str = ""
    lint: str = ""


def _read() -> Mapping[str, Code]:
    file = importlib.resources.files(__package__) / "codes.toml"
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    return {name: Code(**values) for name, values in table.items()}


TABLE = _read()

#: Every code with the sentence that explains it to somebody who has not met it.
CODES: dict[str, str] = {name: code.meaning for name, code in TABLE.items()}

#: Causes that bring about what the others find: they go first, even if they cost less.
ROOTS = tuple(name for name, code in TABLE.items() if code.tier == ROOT)


def rank_of(code: str) -> tuple[int, int]:
    """Return where a code stands in the order in which to act, the smallest first.

    Args:
        code: One of `CODES`.
    """
    tier = TABLE[code].tier
    if tier == ROOT:
        return ROOTS.index(code), 0
    return len(ROOTS), TIERS.index(tier) if tier in TIERS else 0
