"""The loss as the model itself counts it: of each sample where it can be had."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm.doctor.losses.head_activation import last_activation
from kerasnorm.doctor.losses.masks import Masked, has_mask
from kerasnorm.doctor.losses.own_losses import MAKE_OUTPUTS, OWN, Batch
from kerasnorm.doctor.losses.sample_losses import (
    SplitLoss,
    Trial,
    call_loss,
    losses_in_place,
    usable_outputs,
)
from kerasnorm.doctor.sampling.samples import Samples
from kerasnorm.inspection.loss_gradients import without_gradients
from kerasnorm.inspection.own_methods import own_loss_method
from kerasnorm.inspection.patched_calls import patched_calls


@dataclass(frozen=True)
class LossOfSamples:
    """The loss that `evaluate` reports, before it is averaged over the batches.

    Args:
        name: Name of the loss, such as `"categorical_crossentropy"`.
        inferred: Whether it was guessed from outputs and labels.
        measure: Function of (model, (inputs, labels, weights), outputs) to a tensor of
            (samples,), or to one number for the batch. Given tensors that come right
            from the model, it sees their masks and logits as `evaluate` does. None
            where it is only described, or `of_outputs` is given.
        from_logits: Whether the outputs are logits.
        known: Whether it is one of Keras' own, which take labels of a known form.
        ignored: Class number that the loss leaves out, None for none.
        by_batch: Whether only the loss of a whole batch is known.
        joint: Whether the other samples of its batch change the loss of a sample, so
            that batches must stay as they are.
        masked: Whether the outputs carry masks, which the loss heeds.
        complete: Whether it holds what layers and regularizers add.
        model: The model that it was resolved for.
        form: Outputs of the model as it gives them, for their nesting.
        given: What was compiled, or is to be.
        of_outputs: Function of (labels, outputs) to losses of (samples,), in NumPy, for
            a loss that needs nothing else.
    """

    name: str
    inferred: bool = False
    measure: Callable[[Any, Batch, Any], Any] | None = None
    from_logits: bool = False
    known: bool = False
    ignored: int | None = None
    by_batch: bool = False
    joint: bool = False
    masked: bool = False
    complete: bool = False
    model: Any = field(default=None, repr=False)
    form: Any = field(default=None, repr=False)
    given: Any = field(default=None, repr=False)
    of_outputs: Callable[[Any, Any], np.ndarray] | None = None

    def of(
        self,
        y: Any,
        outputs: Any,
        weights: Any = None,
        x: Any = None,
        masks: list | None = None,
    ) -> Any:
        """Return the losses of outputs at hand, (samples,) or one number in float64.

        Args:
            y: Labels.
            outputs: Arrays in the form in which the model gives them; the only one
                may come out of its nest.
            weights: Sample weights or None.
            x: Inputs, for models whose loss reads them.
            masks: Mask of each output, None for outputs without.
        """
        if self.measure is None:
            return self.of_outputs(y, outputs)  # type: ignore[misc]
        batch, given = keras.tree.map_structure(_tensor, ((x, y, weights), outputs))
        if self.form is not None:
            flat = keras.tree.flatten(given)
            if masks is not None:
                flat = [Masked(m)(t) for t, m in zip(flat, masks, strict=True)]
            given = keras.tree.pack_sequence_as(self.form, flat)
        makes = self.name in MAKE_OUTPUTS and self.given is None
        calls = {self.model: lambda *_, **__: given} if makes else {}
        with without_gradients(), patched_calls(calls):
            values = self.measure(self.model, batch, given)
        return np.asarray(ops.convert_to_numpy(values), "float64")


def _tensor(array: Any) -> Any:
    return None if array is None else ops.convert_to_tensor(array)


def describe_loss(
    model: keras.Model, samples: Samples, loss: Any = None
) -> LossOfSamples:
    """Say which loss a model has, without measuring any.

    Args:
        model: The model; its own `test_step`, its own `compute_loss` or its compiled
            loss is described unless `loss` is given.
        samples: Samples with labels, from which a loss is inferred for a model without
            one.
        loss: Name, function or `keras.losses.Loss`, or a nest of them, instead.

    Raises:
        ValueError: If there is no loss and none can be inferred.
    """
    own = own_loss_method(model) if loss is None else None
    if own is not None:
        return LossOfSamples(own, by_batch=True, joint=True, complete=True)
    chosen = getattr(model, "loss", None) if loss is None else loss
    inferred = chosen is None
    if inferred and samples.y is None and model.losses:
        return LossOfSamples("add_loss", by_batch=True, joint=True, complete=True)
    if inferred:
        chosen = _infer(model, samples.labels)
    several = keras.tree.flatten(chosen)
    if len(several) > 1:
        return LossOfSamples(" + ".join(map(_name_of, several)), given=chosen)
    try:
        function = keras.losses.get(several[0])
    except ValueError:
        # Keras resolves some names only when it has seen the labels.
        function = several[0]
    config = function.get_config() if hasattr(function, "get_config") else {}
    module = getattr(function, "__module__", None) or ""
    return LossOfSamples(
        _name_of(function),
        inferred,
        from_logits=bool(config.get("from_logits", False)),
        known=module.partition(".")[0] == "keras",
        ignored=config.get("ignore_class"),
        given=chosen,
    )


def known_loss(
    model: keras.Model, splits: list[Samples], loss: Any = None
) -> LossOfSamples | None:
    """Describe the loss, None where it needs labels that are not there.

    Args:
        model: The model.
        splits: The samples of each split.
        loss: As for `describe_loss`.
    """
    unlabelled = any(split.y is None for split in splits)
    if not unlabelled:
        return describe_loss(model, splits[0], loss)
    own = loss is None and own_loss_method(model) is not None
    if own or (getattr(model, "loss", loss) is None and model.losses):
        return describe_loss(model, splits[0], loss)
    return None


def _name_of(loss: Any) -> str:
    return str(getattr(loss, "name", getattr(loss, "__name__", loss)))


def resolve_loss(
    model: keras.Model, samples: Samples, loss: Any = None
) -> LossOfSamples:
    """Find the loss of a model, and try out on a batch how it can be taken apart.

    Args:
        model: The model, inside `state.restored_after`.
        samples: Samples with labels that fit it.
        loss: As for `describe_loss`.

    Returns:
        The loss, to be measured.

    Raises:
        ValueError: If there is no loss and none can be inferred.
    """
    first = samples.batches()[0]
    _, y, weights = batch = _tensors(samples, first)
    with without_gradients():
        outputs = model(batch[0], training=False)
        found = describe_loss(model, samples, loss)
        masked = any(has_mask(tensor) for tensor in keras.tree.flatten(outputs))
        found = replace(found, model=model, form=outputs, masked=masked)
        if found.name in OWN and found.given is None:
            return replace(found, measure=OWN[found.name])
        own = getattr(model, "_compile_loss", None) if loss is None else None
        compiled = _compile(model, found.given) if own is None else own
        found = _take_apart(found, compiled, (y, weights), outputs)
        if found.by_batch or len(first) < 2:
            return found
        return replace(found, joint=_is_joint(found, batch, outputs))


def _tensors(samples: Samples, numbers: np.ndarray) -> Batch:
    return keras.tree.map_structure(_tensor, samples.take(numbers))


class _Shell(keras.Model):
    """A model without layers, whose loss Keras compiles as that of any other."""


def _compile(model: keras.Model, loss: Any) -> Any:
    shell = _Shell()
    names = getattr(model, "output_names", None)
    if names:
        shell.output_names = names
    shell.compile(loss=loss)
    return shell._compile_loss


def _take_apart(
    found: LossOfSamples, compiled: Any, labels: tuple[Any, Any], outputs: Any
) -> LossOfSamples:
    y, weights = labels
    _, usable = usable_outputs(outputs)
    call_loss(compiled, y, usable, weights)
    trials = [Trial(entry.loss) for entry in compiled._flat_losses]
    with losses_in_place(compiled, trials):
        call_loss(compiled, y, usable, weights)
    parts = [SplitLoss(t.loss) if t.splits else t.loss for t in trials]

    def measure(model: Any, batch: Batch, outputs: Any) -> Any:
        _, y, weights = batch
        bad, usable = usable_outputs(outputs)
        with losses_in_place(compiled, parts):
            losses = call_loss(compiled, y, usable, weights)
        if bad is None:
            return losses
        return ops.where(bad if losses.shape else ops.any(bad), float("nan"), losses)

    whole = not all(trial.splits for trial in trials)
    return replace(found, measure=measure, by_batch=whole, joint=whole)


def _is_joint(found: LossOfSamples, batch: Batch, outputs: Any) -> bool:
    """Return whether halves of a batch have other losses than they have in it.

    Masks cannot be cut along: where there are some, they may make a difference.
    """
    if found.masked:
        return True
    # Cut tensors forget the logits that they come from: the whole must, too.
    batch, outputs = keras.tree.map_structure(_detached, (batch, outputs))

    def measure(start: int | None, stop: int | None) -> np.ndarray:
        part = keras.tree.map_structure(
            lambda t: None if t is None else t[start:stop], (batch, outputs)
        )
        return ops.convert_to_numpy(found.measure(None, *part))  # type: ignore[misc]

    whole = measure(None, None)
    half = len(whole) // 2
    apart = np.concatenate([measure(None, half), measure(half, None)])
    return not np.allclose(whole, apart, rtol=1e-4, atol=1e-7, equal_nan=True)


def _detached(tensor: Any) -> Any:
    return None if tensor is None else _tensor(ops.convert_to_numpy(tensor))


def _infer(model, y: Any) -> keras.losses.Loss:
    outputs: Any = getattr(model, "outputs", None) or ()
    if len(outputs) != 1 or y is None:
        raise ValueError(
            "expected a compiled model or a `loss`, received neither, and none can be "
            "inferred without one known output and labels; pass loss='...'"
        )
    width = outputs[0].shape[-1]
    logits = last_activation(model) not in ("softmax", "sigmoid")
    if not isinstance(y, np.ndarray) or not _looks_like_classes(y):
        return keras.losses.MeanSquaredError()
    if width == 1:
        return keras.losses.BinaryCrossentropy(from_logits=logits)
    if y.ndim == 2 and y.shape[1] == width:
        return keras.losses.CategoricalCrossentropy(from_logits=logits)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=logits)


def _looks_like_classes(y: np.ndarray) -> bool:
    return bool(np.isfinite(y).all() and (y == np.round(y)).all() and y.min() >= 0)
