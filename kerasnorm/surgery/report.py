"""What a swap of norms kept, chose and lost."""

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class Swap:
    """One norm that was replaced.

    Args:
        path: Path of the norm in the given model.
        source: Kind of the given norm, as in `make_norm`.
        target: Kind of the new norm.
        channels: Number of channels.
        kept: What was carried over, such as `"gamma"`.
        chosen: What had to be decided, such as `{"groups": 24}`.
        lost: What has no place in the new norm, such as `"moving_mean"`.
        absorbed: Path of the activation the new norm takes over, or None.
    """

    path: str
    source: str
    target: str
    channels: int
    kept: tuple[str, ...] = ()
    chosen: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    lost: tuple[str, ...] = ()
    absorbed: str | None = None


@dataclasses.dataclass(frozen=True)
class SwapReport:
    """All that `swap_norm` did.

    Args:
        to: Kind of norm that was asked for.
        swaps: One entry per replaced norm, in the order of the model.
        carried: Number of weights that were carried over unchanged.
        notes: Decisions and losses that concern the whole model.
        restorable: Whether the new model can be loaded from a .keras file; a class
            that makes its norms itself would make the old ones again.
    """

    to: str
    swaps: tuple[Swap, ...]
    carried: int
    notes: tuple[str, ...] = ()
    restorable: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return the report as values that `json` can write."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        """Return the report as text, one line per norm."""
        lines = [
            f"{len(self.swaps)} norms swapped to {self.to!r}, "
            f"{self.carried} other weights carried over."
        ]
        lines += [_line(swap) for swap in self.swaps]
        return "\n".join([*lines, *self.notes])


def _line(swap: Swap) -> str:
    parts = [f"{swap.path}: {swap.source} -> {swap.target}, {swap.channels} channels"]
    if swap.kept:
        parts.append(f"kept {', '.join(swap.kept)}")
    if swap.chosen:
        chosen = ", ".join(f"{key}={value}" for key, value in swap.chosen.items())
        parts.append(f"chose {chosen}")
    if swap.lost:
        parts.append(f"lost {', '.join(swap.lost)}")
    if swap.absorbed:
        parts.append(f"absorbed {swap.absorbed}")
    return "  " + "; ".join(parts)
