"""Callbacks that watch what `fit` does not log, or in the wrong direction."""

import re
from collections.abc import Iterator

from kerasnorm.lint.facts.trainings import Fitted
from kerasnorm.lint.rules.found import Found
from kerasnorm.lint.script import Script
from kerasnorm.lint.trace.names import is_keras, last
from kerasnorm.lint.trace.values import (
    Call,
    Constant,
    Function,
    Items,
    Name,
    Value,
    ancestors,
    constant_of,
)

DEFAULTS = {
    "EarlyStopping": "val_loss",
    "ModelCheckpoint": "val_loss",
    "ReduceLROnPlateau": "val_loss",
}
# What Keras does with a warning where the name is missing from the logs.
WITHOUT_VALUE = {
    "EarlyStopping": "training never stops early, and no best weights are restored",
    "ModelCheckpoint": "the file is written after every epoch, the best or not",
    "ReduceLROnPlateau": "the learning rate is never lowered",
}
LARGE_IS_GOOD = ("accuracy", "acc", "auc", "precision", "recall", "f1_score", "iou")
LARGE_IS_GOOD_SUFFIXES = ("_accuracy", "_acc", "_auc", "_precision", "_recall", "_iou")


def watchers(fit: Fitted) -> Iterator[tuple[Call, str, Value | None]]:
    """Yield the callbacks of a training that watch something: callback, name, where.

    Args:
        fit: A training.
    """
    for callback in fit.callbacks()[0]:
        kind = last(callback.name)
        if kind not in DEFAULTS or callback.open:
            continue
        place = {"EarlyStopping": 0, "ReduceLROnPlateau": 0, "ModelCheckpoint": 1}
        given = callback.argument("monitor", place[kind])
        monitor = DEFAULTS[kind] if given is None else constant_of(given)
        best = constant_of(callback.argument("save_best_only", 3), False)
        if kind == "ModelCheckpoint" and best is not True:
            continue
        if isinstance(monitor, str):
            yield callback, monitor, given


def metric_names(fit: Fitted) -> list[str] | None:
    """Return what `fit` logs besides the loss, None where that is not known.

    Args:
        fit: A training.
    """
    if fit.compiled is None or fit.compiled.call.open or fit.has_own_step:
        return None
    for name in ("weighted_metrics", "jit_compile_metrics"):
        if fit.compiled.call.argument(name) is not None:
            return None
    given = fit.compiled.argument("metrics")
    if given is None or (isinstance(given, Constant) and given.value is None):
        return []
    if isinstance(given, Constant | Name | Function):
        given = Items(None, [given])
    if not isinstance(given, Items) or given.open:
        return None
    names = [_metric_name(metric) for metric in given.items]
    return None if None in names else [name for name in names if name is not None]


def _metric_name(metric: Value) -> str | None:
    if isinstance(metric, Constant):
        return str(metric.value)
    if isinstance(metric, Function):
        return str(getattr(metric.node, "name", "")) or None
    if isinstance(metric, Name):
        return None if last(metric.name)[:1].isupper() else last(metric.name)
    if isinstance(metric, Call) and is_keras(metric.name):
        given = metric.argument("name")
        if given is not None:
            name = constant_of(given)
            return name if isinstance(name, str) else None
        return snake_case(last(metric.name))
    return None


def snake_case(name: str) -> str:
    """Return the name that Keras gives an object of a class.

    Args:
        name: Name of the class.
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def unknown_monitor(script: Script) -> Iterator[Found]:
    """A callback watches a name that `fit` never logs."""
    for fit in script.fits:
        for callback, monitor, given in watchers(fit):
            kind = last(callback.name)
            if monitor.startswith("val_") and fit.validates is False:
                if fit.has_own_step:
                    continue
                yield Found(
                    given or callback,
                    f"{kind} watches {monitor!r}, but `fit` gets no validation data "
                    f"and never logs it: {_consequence(callback, monitor, fit)}",
                )
                continue
            names = metric_names(fit)
            if names is None or _adds_logs(fit) or fit.network.outputs > 1:
                continue
            watched = monitor.removeprefix("val_")
            known = [*names, "loss", "learning_rate", "lr"]
            numbered = re.sub(r"_\d+$", "", watched)
            if watched not in known and numbered not in known:
                logged = ", ".join(["loss", *names])
                yield Found(
                    given or callback,
                    f"{kind} watches {monitor!r}, but `fit` logs {logged} (and the "
                    f"same with val_): {_consequence(callback, monitor, fit)}",
                )


def _consequence(callback: Call, monitor: str, fit: Fitted) -> str:
    """Return what happens where a callback never gets the value that it watches."""
    name, names = monitor.removeprefix("val_"), metric_names(fit)
    mode = constant_of(callback.argument("mode"), "auto")
    if mode == "auto" and name != "loss" and names is not None and name not in names:
        return "`fit` ends with a ValueError after its first epoch"
    return WITHOUT_VALUE[last(callback.name)]


def _adds_logs(fit: Fitted) -> bool:
    """Return whether a callback of the script's own, or none known, may add names."""
    callbacks, more = fit.callbacks()
    own = any(not is_keras(callback.name) for callback in callbacks)
    return more or own or any(c.name.endswith("LambdaCallback") for c in callbacks)


def monitor_mode(script: Script) -> Iterator[Found]:
    """A callback takes the worst epoch for the best."""
    for fit in script.fits:
        for callback, monitor, _ in watchers(fit):
            given = callback.argument("mode")
            mode = constant_of(given)
            name = monitor.removeprefix("val_")
            up = name in LARGE_IS_GOOD or name.endswith(LARGE_IS_GOOD_SUFFIXES)
            down = name == "loss" or name.endswith("_loss")
            if (mode == "min" and up) or (mode == "max" and down):
                better = "larger" if up else "smaller"
                yield Found(
                    given or callback,
                    f"{last(callback.name)} watches {monitor!r} with mode={mode!r}, "
                    f"but {better} is better: it keeps the worst epoch",
                )


def test_data_chooses(script: Script) -> Iterator[Found]:
    """What chooses the epoch is also what the result is reported on."""
    evaluated = [
        call
        for call in script.calls("evaluate", "predict", "evaluate_generator")
        if call.receiver is not None
    ]
    for fit in script.fits:
        chosen = [c for c, monitor, _ in watchers(fit) if monitor.startswith("val_")]
        if not chosen or fit.validation is None:
            continue
        named = _names_test(fit)
        again = [call for call in evaluated if call.argument("x", 0) is fit.validation]
        if named or (again and last(again[0].name) == "evaluate"):
            where = "the same data are evaluated" if again else "it is called test data"
            yield Found(
                fit.call,
                f"{last(chosen[0].name)} chooses by the validation data, and {where}: "
                "the result is the best of many tries; keep a part for one last "
                "evaluation",
            )


def _names_test(fit: Fitted) -> bool:
    """Return whether the validation data come from a folder or subset named test."""
    validation = fit.validation
    if validation is None:
        return False
    if fit.preparations[1].source is None:
        return False
    paths = [
        part.value
        for part in ancestors(validation, 60)
        if isinstance(part, Constant) and isinstance(part.value, str)
    ]
    return any(re.search(r"(^|[/\\_-])test(ing)?([/\\_-]|$)", path) for path in paths)
