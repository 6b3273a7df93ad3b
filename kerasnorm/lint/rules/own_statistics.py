"""Scalers and numbers of classes that each split makes for itself."""

from collections.abc import Iterator

from kerasnorm.lint.facts.trainings import Fitted
from kerasnorm.lint.rules.found import Found
from kerasnorm.lint.script import Script
from kerasnorm.lint.trace.names import last
from kerasnorm.lint.trace.values import Call, Items, Value, ancestors, constant_of

SCALERS = (
    *("StandardScaler", "MinMaxScaler", "RobustScaler", "MaxAbsScaler"),
    *("QuantileTransformer", "PowerTransformer", "PCA"),
)


def scaler_fitted_again(script: Script) -> Iterator[Found]:
    """Validation inputs are scaled by their own statistics."""
    for fit in script.fits:
        train, validation = _made(fit.inputs), _made(fit.validation)
        for number, call in validation.items():
            # A scaler fitted on all samples before the split is in both.
            if number in train or not _fits(call):
                continue
            kind = last(call.receiver.name)  # type: ignore[union-attr]
            if any(
                _fits(other) and last(other.receiver.name) == kind  # type: ignore[union-attr]
                for key, other in train.items()
                if key not in validation
            ):
                yield Found(
                    call,
                    f"{kind} is fitted on the validation samples again: they are "
                    "scaled by other numbers than the training samples",
                )


def _made(value: Value | None) -> dict[int, Call]:
    """Return the calls that a value was made by."""
    if value is None:
        return {}
    parts = ancestors(value, 200)
    return {id(part): part for part in parts if isinstance(part, Call)}


def _fits(call: Call) -> bool:
    of = call.receiver
    return (
        call.name == "fit_transform"
        and isinstance(of, Call)
        and last(of.name) in SCALERS
    )


def classes_numbered_again(script: Script) -> Iterator[Found]:
    """The classes of each split are numbered in the order in which they appear."""
    for fit in script.fits:
        train = _made(fit.argument("y"))
        validation = _made(_validation_labels(fit))
        for number, call in validation.items():
            others = [k for k, other in train.items() if _numbers(other)]
            if number not in train and _numbers(call) and set(others) - set(validation):
                yield Found(
                    call,
                    "`factorize` numbers the classes of each split in the order in "
                    "which they appear: one number may mean different classes",
                )


def _validation_labels(fit: Fitted) -> Value | None:
    given = fit.argument("validation_data")
    if isinstance(given, Items) and len(given.items) > 1:
        return given.items[1]
    return None


def _numbers(call: Call) -> bool:
    in_order = constant_of(call.argument("sort"), False) is True
    return last(call.name) == "factorize" and not in_order
