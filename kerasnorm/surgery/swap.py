"""Replaces the norms of a finished model."""

import fnmatch
import itertools
from collections.abc import Callable, Iterable
from typing import Any

import keras

from kerasnorm import layers
from kerasnorm.inspection import layer_tree
from kerasnorm.norm_kinds import find_kind
from kerasnorm.surgery import model_graph, norm_scale, rules
from kerasnorm.surgery.copier import RewritePlan
from kerasnorm.surgery.locate import NormSite, find_norms
from kerasnorm.surgery.rebuild import compile_like, rebuild
from kerasnorm.surgery.report import SwapReport

# Rank of a tensor that has steps: samples, steps, channels.
STEPPED = 3

Select = str | Iterable[str] | Callable[[NormSite], bool] | None


def swap_norm(
    model: keras.Model,
    to: str,
    select: Select = None,
    groups: int = 32,
    batch: Any = None,
) -> tuple[keras.Model, SwapReport]:
    """Return a copy of a model with other norms; the given model is not changed.

    Use it to take a trained or a ready-made network away from batch statistics, or to
    compare norms on one architecture. All other weights are carried over, and `gamma`
    and `beta` of the norms as well; what a norm keeps, loses or has decided for it is
    in the report. A trained network needs fine-tuning afterwards, because other
    statistics make other activations.

    With `to="frn"`, a norm whose outputs only a ReLU reads takes the ReLU over into its
    threshold. With `to="none"`, a `ChannelScale` that starts at the scale of the norm
    on one batch takes its place; train such a network with AGC.

    Functional, sequential and nested models are put together again. Subclassed models
    are copied through `get_config` and their attributes replaced; what cannot be done
    safely is refused. If the model was compiled, the new one is, with a fresh
    optimizer.

    Args:
        model: Any built Keras model.
        to: Name that `kerasnorm.layers.make_norm` knows.
        select: Which norms to replace: a path pattern such as `"backbone/*"`, several
            of them, or a function of a `NormSite`. Default: the batch norms; where
            there are none, every norm.
        groups: Wish for the number of groups with `to="group"`. Where it does not
            divide the channels, the largest smaller divisor that leaves at least two
            channels to a group is taken.
        batch: Inputs of one batch, for `to="none"` and for subclassed models that
            must be called to be built. Take a batch of the usual size: scales of a
            channel that has only a few numbers in it lean on those of its layer.

    Returns:
        The new model, and a report of what was kept, chosen and lost.

    Raises:
        ValueError: If there is no norm to replace, the norm is unknown, or a layer
            cannot be copied safely.

    Example:
        >>> new_model, report = swap_norm(keras.applications.ResNet50(), "group")
        >>> print(report)
    """
    target = find_kind(to)
    sites = _select(find_norms(model), to, select)
    _refuse_asymmetric(model, sites)
    readers = _absorbable(model, sites) if target.has_threshold else {}
    pairs = [
        rules.substitute(
            site, to, groups=groups, absorbed=_names(readers.get(site.layer))
        )
        for site in sites
    ]
    notes = []
    statistics: norm_scale.Statistics = {}
    if to == "none":
        statistics, note = norm_scale.choose_statistics(model, sites, batch)
        notes.append(note)
    new_layers = [layer for layer, _ in pairs]
    rebuilt = rebuild(
        model,
        RewritePlan(
            {site.layer: new for site, new in zip(sites, new_layers, strict=True)},
            frozenset((norm, x) for norm, found in readers.items() for x in found),
            batch=batch,
        ),
    )
    for site, new in zip(sites, new_layers, strict=True):
        if site.layer in statistics:
            norm_scale.set_scale(new, site.layer, *statistics[site.layer])
        else:
            _carry_norm(site, new)
    among_batch_norms = all(site.is_batch_norm for site in sites)
    if not (among_batch_norms and target.is_batch_norm):
        notes.append(
            "Train the new model before you use it: other statistics make other "
            "activations."
        )
    notes += _notes_on_padding(model, [site.path for site in sites], to)
    learned = sum(map(rules.learns_epsilon, new_layers))
    if learned:
        notes.append(
            f"{learned} norms see a single pixel of each channel: they learn their "
            "epsilon, which starts at the mean square of the inputs."
        )
    notes += [*rebuilt.notes, *compile_like(model, rebuilt.model)]
    report = SwapReport(
        to=to,
        swaps=tuple(swap for _, swap in pairs),
        carried=rebuilt.carried,
        notes=tuple(notes),
        restorable=rebuilt.restorable,
    )
    return rebuilt.model, report


def _select(sites: list[NormSite], to: str, select: Select) -> list[NormSite]:
    if select is None:
        batch = [site for site in sites if site.is_batch_norm]
        chosen = batch or sites
    elif callable(select):
        chosen = [site for site in sites if select(site)]
    else:
        patterns = [select] if isinstance(select, str) else list(select)
        chosen = [
            site
            for site in sites
            if any(fnmatch.fnmatchcase(site.path, pattern) for pattern in patterns)
        ]
    found = ", ".join(sorted({site.kind for site in sites})) or "none"
    if not chosen:
        raise ValueError(
            "Expected at least one norm to replace. Received: a model with "
            f"{len(sites)} norms ({found}), of which {select!r} selects none."
        )
    chosen = [site for site in chosen if site.kind != to]
    if not chosen:
        raise ValueError(
            f"Expected norms other than {to!r} to replace. Received: a model whose "
            f"norms are {found}."
        )
    return chosen


def _refuse_asymmetric(model: keras.Model, sites: list[NormSite]) -> None:
    """Refuse to take the norms out of layers whose fusion depends on them."""
    norms = {site.layer for site in sites}
    for path, layer in layer_tree.iter_layers(model):
        if isinstance(layer, layers.AsymmetricConv2D):
            if norms & {norm for _, norm in layer.branches}:
                raise ValueError(
                    "Expected norms outside of asymmetric convolutions, which are made "
                    f"of batch norms. Received: those of {path!r}. Call "
                    "`fuse_asymmetric` first, or leave them out with `select`."
                )


def _notes_on_padding(model: keras.Model, paths: list[str], to: str) -> list[str]:
    """Say what norms do with padded steps, where a mask marked some before them."""
    placed = dict(layer_tree.iter_layers(model))
    padded = [
        path
        for path in paths
        if any(
            _sees_padding(placed[place])
            for place in itertools.accumulate(path.split("/"), "{}/{}".format)
            if place in placed
        )
    ]
    if not padded or not find_kind(to).counts_masked_steps:
        return []
    names = ", ".join(padded)
    instead = "take 'batch_renorm' or 'layer_channels'."
    if to == "ghost_batch":
        masked = [path for path in padded if _is_masked(placed[path])]
        refused = "get masks, which ghost batch norm refuses in training"
        return [f"{', '.join(masked)} {refused}: {instead}"] if masked else []
    return [
        f"{names} see padded steps, which {to} norm counts in the statistics of each "
        "sample: how much padding a sample has now moves its predictions. Pad alike in "
        f"training and prediction, or {instead}"
    ]


def _is_masked(layer: keras.layers.Layer) -> bool:
    """Return whether a layer of a graph is called on steps that a mask leaves out."""
    return any(map(_has_mask, _inputs_of(layer)))


def _sees_padding(layer: keras.layers.Layer) -> bool:
    """Return whether steps that a mask marks, here or before, come to a layer.

    Layers between may drop the mask; the steps are there until they are pooled.
    """
    pending, seen = _inputs_of(layer), set()
    while pending:
        tensor = pending.pop()
        history = getattr(tensor, "_keras_history", None)
        if id(tensor) in seen or len(tensor.shape) < STEPPED:
            continue
        if _has_mask(tensor):
            return True
        seen.add(id(tensor))
        if history is not None:
            node = history.operation._inbound_nodes[history.node_index]
            pending += node.input_tensors
    return False


def _inputs_of(layer: keras.layers.Layer) -> list[Any]:
    return [tensor for node in layer._inbound_nodes for tensor in node.input_tensors]


def _has_mask(tensor: Any) -> bool:
    return getattr(tensor, "_keras_mask", None) is not None


def _names(found: list | None) -> str | None:
    return ", ".join(layer.name for layer in found) if found else None


def _carry_norm(site: NormSite, new: keras.layers.Layer) -> None:
    """Carry gamma, beta and, between batch norms, moving statistics over."""
    for name in (*rules.AFFINE, *rules.STATISTICS):
        old_weight = getattr(site.layer, name, None)
        new_weight = getattr(new, name, None)
        if old_weight is None or new_weight is None:
            continue
        if name in rules.STATISTICS and not site.is_batch_norm:
            continue
        if tuple(old_weight.shape) == tuple(new_weight.shape):
            new_weight.assign(keras.ops.convert_to_numpy(old_weight))
    if rules.learns_epsilon(new):
        new.epsilon_l.assign(_mean_square(site.layer))


def _mean_square(norm: keras.layers.Layer) -> Any:
    """Return the mean square of a norm's inputs, 1 for norms that keep none.

    The outputs for single numbers, `x / sqrt(x ** 2 + epsilon)`, are as steep as
    `1 / sqrt(epsilon)` at 0. With the layer's own start of 1e-4, the gradients of a
    dozen such norms in a row overflow; with the mean square they are as steep as those
    of the batch norm.
    """
    if getattr(norm, "moving_variance", None) is None:
        return 1.0
    mean, variance = map(
        keras.ops.convert_to_numpy, (norm.moving_mean, norm.moving_variance)
    )
    return variance + mean**2


def _absorbable(
    model: keras.Model, sites: list[NormSite]
) -> dict[keras.layers.Layer, list]:
    """Find the rectifiers that are the only readers of a norm."""
    norms = {site.layer for site in sites}
    found = {}
    for level in model_graph.iter_graph_models(model):
        for layer, readers in model_graph.read_graph(level).consumers.items():
            if layer in norms and readers and all(map(_is_relu, readers)):
                found[layer] = list(dict.fromkeys(readers))
    return found


def _is_relu(operation: Any) -> bool:
    if isinstance(operation, keras.layers.ReLU):
        return (
            operation.max_value is None
            and not operation.negative_slope
            and not operation.threshold
        )
    if isinstance(operation, keras.layers.Activation):
        return operation.activation is keras.activations.relu
    return type(operation).__name__ == "Relu"
