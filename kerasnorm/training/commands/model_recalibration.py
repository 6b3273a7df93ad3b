"""Recalibrates a model file on images as it expects them, and says what that did."""

from collections.abc import Callable

import keras
import numpy as np

from kerasnorm.data.sources.index import ImageIndex
from kerasnorm.doctor.forward.compiled_forward import compiled_forward_cache
from kerasnorm.doctor.forward.state import restored_after
from kerasnorm.doctor.forward.statistics import forward_pass
from kerasnorm.doctor.inputs_of_model import find_expected_inputs, hard_loss
from kerasnorm.doctor.loss_matrix.proportions import ALPHA, paired_change
from kerasnorm.doctor.loss_matrix.scores import score
from kerasnorm.doctor.losses.evaluation_batches import evaluation_batches
from kerasnorm.doctor.probes.inputs.input_trials import fall
from kerasnorm.doctor.sampling.sample_batches import sample_batches
from kerasnorm.doctor.sampling.samples import Samples
from kerasnorm.inspection.moving_statistics import recalibrate_batch_norm
from kerasnorm.training.commands.model_images import Decoding, ImageBatches

# Images that loss and accuracy are measured on, before and after.
JUDGED = 1024
SEED = 0
# Loss, in nats, that is lost in earnest.
WORSE = 0.02


def expected_batches(
    model: keras.Model,
    index: ImageIndex,
    decoding: Decoding,
    batch_size: int,
    samples: int | None = None,
    progress: Callable[[str], None] = print,
) -> ImageBatches:
    """Return images in random order and as the model expects them.

    Where nobody has said how they are to be prepared, the model is asked: what its
    moving statistics and its answers to the images speak for is applied.

    Args:
        model: The model; it stays as it is.
        index: The files.
        decoding: How they become inputs.
        batch_size: Images in a batch.
        samples: Files to take at most.
        progress: Called with what was done, in sentences.

    Raises:
        ValueError: If the model takes no images of one size.
    """
    batches = ImageBatches(
        model, index, decoding, batch_size, seed=SEED, samples=samples
    )
    progress(decoding.describe(batches.images))
    found = None if decoding.is_prepared else find_expected_inputs(model, batches)
    if found is not None:
        batches.map = found.images
        before, after = found.before["training"], found.after["training"]
        progress(
            f"the model expects other inputs, {found.images.name}, with which its loss "
            f"falls from {before.loss:.3g} to {after.loss:.3g}: they were prepared so; "
            "--rescale 1 takes them as they are"
        )
    return batches


def recalibrate_model(model: keras.Model, batches: ImageBatches, force: bool) -> str:
    """Recalibrate a model, unless loss or accuracy on the same images become worse.

    Args:
        model: The model; it is changed.
        batches: Training images with labels.
        force: Whether to change it all the same.

    Returns:
        What changed, in a sentence.

    Raises:
        ValueError: If the model became worse.
    """
    samples = sample_batches(batches, JUDGED, model=model)
    before = _measure(model, samples)
    seen = recalibrate_batch_norm(model, batches, samples=None)
    after = _measure(model, samples)
    done = f"statistics re-estimated on {seen:,} images"
    if before is None or after is None:
        return f"{done}; labels do not fit the model: its loss was not compared"
    (losses, correct), (new_losses, new_correct) = before, after
    change = f"loss {losses.mean():.4g} to {new_losses.mean():.4g}"
    worse = _is_worse(losses, new_losses)
    if correct is not None and new_correct is not None:
        points = paired_change(correct, new_correct)
        change += f", accuracy {correct.mean():.1%} to {new_correct.mean():.1%}"
        worse = worse or points.high < 0
    if worse and not force:
        raise ValueError(
            "expected images whose statistics serve the model, but with them it is "
            f"worse ({change} on {samples.count:,} images): nothing was written; "
            "prepare the images as in training (--rescale, --preprocessing, "
            "--interpolation), or give --force"
        )
    return f"{done}: {change}"


def _measure(
    model: keras.Model, samples: Samples
) -> tuple[np.ndarray, np.ndarray | None] | None:
    """Return losses and what is correct, None where labels do not fit the outputs."""
    with restored_after(model), compiled_forward_cache():
        loss = hard_loss(model, samples)
        if loss is None:
            return None
        batches = evaluation_batches(model, samples, loss)
        seen = forward_pass(model, samples, batches, loss)
        scores = score(samples, seen.outputs, loss.from_logits)
        return seen.losses, scores.correct if scores else None


def _is_worse(before: np.ndarray, after: np.ndarray) -> bool:
    if not np.isfinite(before).all():
        return False
    if len(before) < 2 or not np.isfinite(after).all():
        return bool(not after.mean() <= before.mean())
    p_value, _ = fall(after, before, ALPHA)
    return p_value < ALPHA and float(after.mean() - before.mean()) > WORSE
