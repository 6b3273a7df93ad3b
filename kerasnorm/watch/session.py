"""Watches every `fit` of a process, and says what was seen."""

import contextlib
import functools
import inspect
import os
import pathlib
import sys
import time
from collections.abc import Callable
from typing import Any

from kerasnorm.codes import CODES, HEALTHY


class Session:
    """Watches trainings from when Keras is imported.

    Args:
        name: Name of the script.
        directory: Folder for the pages, one below it for each session.
        limits: Arguments of `Limits`.

    Attributes:
        seen: What was seen of every `fit`.
    """

    def __init__(self, name: str, directory: str, **limits: Any) -> None:
        started = time.strftime("%Y-%m-%d_%H-%M-%S")
        # The script may change its folder.
        self.directory = pathlib.Path(os.path.abspath(directory)) / name / started
        self.limits = limits
        self.seen: list[Any] = []
        self.active = False
        self.unpatch: list[Callable[[], None]] = []
        self.stopped = False

    def start(self) -> None:
        """Watch from now on, or from when Keras is imported."""
        import wrapt

        wrapt.register_post_import_hook(self._patch, "keras")

    def stop(self) -> None:
        """Watch no longer."""
        self.stopped = True
        for undo in self.unpatch:
            undo()
        self.unpatch.clear()

    def _patch(self, keras: Any) -> None:
        if self.stopped or self.unpatch:
            return
        for cls in keras.Model.__mro__:
            fit = vars(cls).get("fit")
            if fit is not None:
                cls.fit = self._watching(fit)
                self.unpatch.append(functools.partial(setattr, cls, "fit", fit))
                return

    def _watching(self, fit: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(fit)

        @functools.wraps(fit)
        def watched_fit(model: Any, *args: Any, **options: Any) -> Any:
            __tracebackhide__ = True  # in notebooks
            if self.active:
                return fit(model, *args, **options)
            try:
                bound = signature.bind(model, *args, **options)
            except TypeError:
                return fit(model, *args, **options)
            arguments = dict(list(bound.arguments.items())[1:])
            from kerasnorm.watch.watched_fit import Limits, Watched, watch_fit

            limits = Limits(**self.limits)
            watched = Watched(len(self.seen) + 1)
            if watched.number > limits.fits:
                return fit(model, *args, **options)
            self.seen.append(watched)
            self.active = True
            try:
                return watch_fit(fit, model, arguments, watched, limits)
            finally:
                self.active = False
                with contextlib.suppress(OSError):
                    self._report(watched)

        return watched_fit

    def _report(self, watched: Any) -> None:
        """Write the page of one `fit` and print its verdict."""
        found = watched.combined()
        page = None
        if found is not None:
            folder = self.directory / f"fit_{watched.number}"
            folder.mkdir(parents=True, exist_ok=True)
            page = folder / "doctor.html"
            page.write_text(found.to_html(), encoding="utf-8", errors="replace")
            (folder / "doctor.json").write_text(found.to_json(), encoding="utf-8")
        say(f"fit {watched.number}: {verdict_of(watched)}{_at(page)}")


def _at(page: pathlib.Path | None) -> str:
    return "" if page is None else f" ({page})"


def say(sentence: str) -> None:
    """Print a line on standard error.

    Args:
        sentence: The line.
    """
    print(f"kerasnorm: {sentence}", file=sys.stderr, flush=True)


def verdict_of(watched: Any) -> str:
    """Return what was seen of one `fit` in one line.

    Args:
        watched: What was seen.
    """
    if watched.failed is not None:
        before = watched.before
        seen = f"{type(watched.failed).__name__} after {watched.epochs} epochs"
        if before is not None and before.verdict != HEALTHY:
            seen += f"; before it {before.verdict}: {before.summary}"
        return seen
    found = watched.combined()
    notes = "; ".join(dict.fromkeys(watched.notes))
    if found is None:
        return f"not examined: {notes or 'nothing could be read'}"
    line = found.verdict
    if line != HEALTHY:
        severity = next(f.severity for f in found.findings if f.code == line)
        remedy = next(f.remedy for f in found.findings if f.code == line)
        line += f" ({severity}): {found.summary} Remedy: {remedy}"
    else:
        line += f": {CODES[HEALTHY]}"
    missing = watched.after is None
    return line + (f"; {notes}" if missing and notes else "")


def summary_of(session: Session, failed: bool = False) -> str:
    """Return in one line what a script's trainings showed until it ended.

    Args:
        session: The session.
        failed: Whether an error ended it.
    """
    if not session.seen and failed:
        return "no `fit` had begun"
    if not session.seen:
        return (
            "no `fit` ran, so there was nothing to watch; a training loop of your own "
            "can call kerasnorm.doctor.examine(model, train, validation)"
        )
    told = ", ".join(
        f"fit {watched.number} {found.verdict if found else 'not examined'}"
        for watched in session.seen
        for found in [watched.combined()]
    )
    return f"seen until then: {told}"
