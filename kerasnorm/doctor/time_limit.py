"""The time that an examination may take."""

import time
from collections.abc import Callable

Progress = Callable[[str], None]


class TimeLimit:
    """Tell how much time is left, and note what there was none for.

    Args:
        seconds: Time from now on.
        on_progress: Called with a sentence at every step.

    Attributes:
        notes: What was left out.
    """

    def __init__(self, seconds: float, on_progress: Progress | None = None) -> None:
        self.begin = time.perf_counter()
        self.seconds = seconds
        self.on_progress = on_progress or (lambda sentence: None)
        self.notes: list[str] = []

    @property
    def taken(self) -> float:
        """Seconds since the beginning."""
        return time.perf_counter() - self.begin

    @property
    def left(self) -> float:
        """Seconds that are left, negative where it took longer."""
        return self.seconds - self.taken

    def allows(self, step: str) -> bool:
        """Return whether a step may begin, and say so, or note that it is left out.

        Args:
            step: What would be done.
        """
        left = self.left
        if left > 0:
            self.on_progress(f"{step} ({left:.0f} s left)")
            return True
        self.notes.append(f"{step}: left out, no time")
        return False
