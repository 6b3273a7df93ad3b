"""Batch norms: momentum, batches, dropout, accumulated gradients, averaged weights."""

from collections.abc import Iterator

from kerasnorm.lint.facts.networks import Network
from kerasnorm.lint.facts.sizes import batch_size_of, epochs_of, steps_of
from kerasnorm.lint.facts.trainings import Compiled
from kerasnorm.lint.rules.found import Found
from kerasnorm.lint.script import Script
from kerasnorm.lint.trace.names import last
from kerasnorm.lint.trace.values import Call, Value, constant_of

# Fraction of the initial statistics that may be left after all steps.
LEFT = 0.05
# Momentum that needs thousands of steps.
SLOW = 0.999
# A momentum that PyTorch would write like this means 0.9 in Keras.
OF_PYTORCH = 0.5
DROPPING = ("Dropout", "SpatialDropout1D", "SpatialDropout2D", "AlphaDropout")


def momentum(script: Script) -> Iterator[Found]:
    """The momentum of batch norms does not fit the number of steps."""
    seen: set[int] = set()
    for fit in script.fits:
        steps, epochs = steps_of(fit), epochs_of(fit)
        for norm in fit.network.batch_norms:
            given = norm.argument("momentum", 1)
            value = 0.99 if given is None else constant_of(given)
            if not isinstance(value, int | float) or id(norm) in seen or norm.open:
                continue
            seen.add(id(norm))
            if 0 < value < OF_PYTORCH:
                yield Found(
                    norm,
                    f"momentum={value:g} keeps hardly more than the last batch: "
                    f"PyTorch's momentum={value:g} is momentum={1 - value:g} in Keras",
                )
            elif steps is not None and epochs is not None:
                left = value ** (steps * epochs)
                if left > LEFT:
                    yield Found(
                        norm,
                        f"momentum={value:g} leaves {left:.0%} of the initial "
                        f"statistics after all {steps * epochs} steps",
                    )
            elif value >= SLOW:
                yield Found(
                    norm,
                    f"momentum={value:g} needs {3 / (1 - value):.0f} steps and more "
                    "before moving statistics follow the weights",
                )


def small_batch(script: Script) -> Iterator[Found]:
    """Batches are too small for batch norms."""
    for fit in script.fits:
        size = batch_size_of(fit)
        if fit.compiled and _of_optimizer(fit.compiled, "gradient_accumulation_steps"):
            continue
        if size is not None and 1 < size <= 4 and _norms_train(fit.network):
            yield Found(
                fit.call,
                f"batch norms estimate their statistics from batches of {size}",
            )


def single_sample(script: Script) -> Iterator[Found]:
    """Batches of one sample pass batch norms."""
    for fit in script.fits:
        if batch_size_of(fit) == 1 and _norms_train(fit.network):
            yield Found(fit.call, "batch norms get batches of one sample")


def _norms_train(network: Network) -> bool:
    return any(
        constant_of(norm.argument("trainable"), True) is not False
        for norm in network.batch_norms
    )


def dropout_before_norm(script: Script) -> Iterator[Found]:
    """Dropout acts on what a batch norm takes."""
    seen: set[int] = set()
    for fit in script.fits:
        dropping: Call | None = None
        for layer in fit.network.layers:
            if not isinstance(layer, Call):
                continue
            name = last(layer.name)
            if name in DROPPING:
                rate = constant_of(layer.argument("rate", 0))
                dropping = None if rate == 0 else layer
            elif name in ("BatchNormalization",) and dropping is not None:
                if id(layer) not in seen:
                    seen.add(id(layer))
                    yield Found(
                        layer,
                        f"a batch norm behind {last(dropping.name)} sees another "
                        "variance in training than in validation: move the dropout "
                        "behind the last batch norm",
                    )


def accumulated_gradients(script: Script) -> Iterator[Found]:
    """Gradients are accumulated over batches that batch norms see one by one."""
    for compiled, network in script.compiles():
        steps = _of_optimizer(compiled, "gradient_accumulation_steps")
        count = constant_of(steps)
        if isinstance(count, int) and count > 1 and network.has_batch_norms:
            yield Found(
                steps or compiled.call,
                f"{count} batches make one step, but batch norms normalize and update "
                "by each of them",
            )


def averaged_weights(script: Script) -> Iterator[Found]:
    """Averaged weights run with the moving statistics of others."""
    for compiled, network in script.compiles():
        ema = _of_optimizer(compiled, "use_ema")
        if constant_of(ema) is True and network.has_batch_norms:
            if not any(script.calls("RecalibrateBatchNorm", "recalibrate_batch_norm")):
                yield Found(
                    ema or compiled.call,
                    "use_ema averages the weights, but not the moving statistics of "
                    "the batch norms",
                )


def _of_optimizer(compiled: Compiled, name: str) -> Value | None:
    optimizer = compiled.argument("optimizer")
    return optimizer.argument(name) if isinstance(optimizer, Call) else None
