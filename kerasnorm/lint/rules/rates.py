"""Learning rates, seeds, and predictions in another order than the labels."""

from collections.abc import Iterator

from kerasnorm.lint.facts.networks import Network
from kerasnorm.lint.rules.found import Found
from kerasnorm.lint.script import Script
from kerasnorm.lint.trace.names import is_keras, last
from kerasnorm.lint.trace.values import (
    Call,
    Member,
    Value,
    ancestors,
    constant_of,
)

# Above the first rate few networks learn, from scratch or with pretrained weights.
TOO_HIGH = {"Adam": 0.03, "AdamW": 0.03, "Nadam": 0.03, "RMSprop": 0.03, "SGD": 1.0}
# The lower one holds for pretrained weights.
TOO_LOW = (1e-6, 1e-7)
SEEDING = (
    "set_random_seed",
    "set_seed",
    "seed",
    "enable_op_determinism",
    "default_rng",
)


def _rates(script: Script) -> Iterator[tuple[Call, float, Value, Network]]:
    """Yield optimizer, constant rate, where it stands, and the model's layers."""
    for compiled, network in script.compiles():
        optimizer = compiled.argument("optimizer")
        if not isinstance(optimizer, Call) or not is_keras(optimizer.name):
            continue
        given = optimizer.argument("learning_rate", 0) or optimizer.argument("lr")
        rate = constant_of(given)
        if given is not None and isinstance(rate, int | float):
            yield optimizer, float(rate), given, network


def rate_too_high(script: Script) -> Iterator[Found]:
    """The learning rate is far above what networks train with."""
    for optimizer, rate, where, network in _rates(script):
        name = last(optimizer.name)
        limit = TOO_HIGH.get(name)
        if limit is not None and rate >= limit and network.layers:
            yield Found(where, f"{name} with a learning rate of {rate:g}")


def rate_too_low(script: Script) -> Iterator[Found]:
    """The learning rate is so low that nothing is learned."""
    for optimizer, rate, where, network in _rates(script):
        if 0 < rate <= TOO_LOW[bool(network.bases)]:
            yield Found(
                where, f"{last(optimizer.name)} with a learning rate of {rate:g}"
            )


def missing_seed(script: Script) -> Iterator[Found]:
    """Nothing sets a seed, so that no training can be repeated."""
    if script.fits and not any(script.calls(*SEEDING)):
        yield Found(
            script.fits[0].call,
            "no seed is set: two runs of this script differ by chance",
        )


def shuffled_predictions(script: Script) -> Iterator[Found]:
    """Predictions come in another order than the labels they are compared with."""
    for predicted in script.calls("predict", "predict_generator"):
        given = predicted.argument("x", 0)
        loader = given
        if not isinstance(loader, Call) or last(loader.name) != "flow_from_directory":
            continue
        if constant_of(loader.argument("shuffle"), True) is False:
            continue
        if any(_compares(call, predicted, loader) for call in _comparisons(script)):
            yield Found(
                predicted,
                "the generator shuffles (the default), so that its predictions come in "
                "another order than `classes`: give it shuffle=False",
            )


def _comparisons(script: Script) -> Iterator[Call]:
    yield from script.calls(
        *("classification_report", "confusion_matrix", "accuracy_score"),
        *("roc_auc_score", "f1_score", "roc_curve", "mean", "sum"),
    )


def _compares(call: Call, predicted: Call, loader: Call) -> bool:
    parts = [p for value in call.positional for p in ancestors(value, 60)]
    labels = any(
        isinstance(p, Member) and p.name in ("classes", "labels") and p.of is loader
        for p in parts
    )
    return labels and any(p is predicted for p in parts)
