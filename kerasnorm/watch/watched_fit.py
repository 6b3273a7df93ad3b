"""One `fit` that is watched: looked at before, during and after."""

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import keras

from kerasnorm.doctor.diagnose import rank
from kerasnorm.doctor.examination import Examination
from kerasnorm.doctor.examine import examine
from kerasnorm.doctor.preflight import preflight
from kerasnorm.inspection.layer_tree import iter_layers
from kerasnorm.watch.given import Given, read_arguments
from kerasnorm.watch.sources import Source, state_kept
from kerasnorm.watch.unchanged import unchanged


@dataclasses.dataclass(frozen=True)
class Limits:
    """How much time looking may take.

    Args:
        preflight: Seconds before each `fit`.
        examination: Seconds after each `fit`.
        fits: Trainings that are looked at; later ones only run.
    """

    preflight: float = 10.0
    examination: float = 30.0
    fits: int = 20


@dataclasses.dataclass
class Watched:
    """What was seen of one `fit`.

    Args:
        number: From 1.
        before: What preflight found, None where it could not look.
        after: What the examination found, likewise.
        notes: What could not be looked at, and why.
        epochs: Epochs that ended.
        seconds: Time of the training itself.
        failed: The error that ended `fit`.
    """

    number: int
    before: Examination | None = None
    after: Examination | None = None
    notes: list[str] = dataclasses.field(default_factory=list)
    epochs: int = 0
    seconds: float = 0.0
    failed: BaseException | None = None

    def combined(self) -> Examination | None:
        """Return one examination with the findings of both."""
        if self.after is None or self.before is None:
            return self.after or self.before
        known = {finding.code for finding in self.after.findings}
        more = [
            finding
            for finding in self.before.findings
            if finding.code not in known and finding.severity == "error"
        ]
        findings = tuple(sorted((*self.after.findings, *more), key=rank))
        return dataclasses.replace(
            self.after,
            findings=findings,
            notes=(*self.after.notes, *self.notes),
        )


class Instrument(keras.callbacks.Callback):
    """Looks at the model as training begins, and counts epochs.

    It has no method for batches: those would cost time at every step.

    Args:
        look: Called as training begins, when `fit` has built the model.
        watched: Where epochs are counted.
    """

    def __init__(self, look: Callable[[], None], watched: Watched) -> None:
        super().__init__()
        self.look, self.watched = look, watched

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Look at the model before its first step."""
        self.look()
        self.watched.seconds = -time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Count an epoch."""
        self.watched.epochs += 1

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Stop the clock."""
        self.watched.seconds += time.perf_counter()


def watch_fit(
    fit: Callable[..., Any],
    model: keras.Model,
    arguments: Mapping[str, Any],
    watched: Watched,
    limits: Limits,
) -> Any:
    """Run one `fit` and look at it before and after; return what it returns.

    Args:
        fit: Keras' own `fit`.
        model: The model.
        arguments: Arguments of `fit` by name.
        watched: Gets what is seen.
        limits: How much time looking may take.
    """
    __tracebackhide__ = True  # in notebooks
    given = Given(dict(arguments), Source(reason="its data cannot be read"), None)
    with _guarded(watched, "the data of this `fit`"):
        given = read_arguments(arguments)

    def look() -> None:
        if given.train.batches is None:
            # Keras may be drawing batches ahead: no state is kept meanwhile.
            watched.notes.append(given.train.reason)
            return
        with _guarded(watched, "preflight"):
            watched.before = _before(model, given, watched, limits)

    passed = dict(given.arguments)
    passed["callbacks"] = _with(Instrument(look, watched), passed.get("callbacks"))
    try:
        history = fit(model, **passed)
    except BaseException as error:
        watched.failed = error
        raise
    for source in (given.train, given.validation):
        if source is not None and source.recorder is not None:
            source.recorder.settle()
    with _guarded(watched, "the examination"):
        watched.after = _after(model, given, watched, limits, history)
    return history


@contextmanager
def _guarded(watched: Watched, what: str) -> Iterator[None]:
    """Turn an error of ours into a note: a script must not fail because of it."""
    try:
        with unchanged():
            yield
    except Exception as error:
        sentence = " ".join(str(error).split())
        watched.notes.append(f"{what}: {sentence or type(error).__name__}")


def _with(instrument: Instrument, given: Any) -> Any:
    if isinstance(given, keras.callbacks.CallbackList):
        given.append(instrument)
        return given
    if given is None:
        return [instrument]
    return [instrument, *(given if isinstance(given, Sequence) else [given])]


def _before(
    model: keras.Model, given: Given, watched: Watched, limits: Limits
) -> Examination | None:
    if not model.built or not all(layer.built for _, layer in iter_layers(model)):
        # Who builds it decides its names and shapes: that is for `fit`.
        watched.notes.append("the model is built by its first batch: no preflight")
        return None
    validation = None if given.validation is None else given.validation.batches
    with _kept(given):
        return preflight(
            model,
            given.train.batches,
            validation,
            seconds=limits.preflight,
            steps_per_epoch=given.arguments.get("steps_per_epoch"),
        )


def _after(
    model: keras.Model, given: Given, watched: Watched, limits: Limits, history: Any
) -> Examination | None:
    train = given.train.after()
    if train is None:
        return None
    validation = None if given.validation is None else given.validation.after()
    if given.validation is not None and validation is None:
        watched.notes.append(given.validation.reason)
    with _kept(given):
        return examine(
            model, train, validation, history=history, seconds=limits.examination
        )


def _kept(given: Given) -> ExitStack:
    stack = ExitStack()
    for source in (given.train, given.validation):
        if source is not None:
            stack.enter_context(state_kept(source.batches))
    return stack
