"""Maps one norm to another: what is kept, chosen and lost. No model is touched."""

from typing import Any

import keras

from kerasnorm import layers
from kerasnorm.norm_kinds import NORM_KINDS
from kerasnorm.surgery.locate import NormSite
from kerasnorm.surgery.report import Swap

OPTIONS = (
    "center",
    "scale",
    "beta_initializer",
    "gamma_initializer",
    "beta_regularizer",
    "gamma_regularizer",
    "beta_constraint",
    "gamma_constraint",
)
AFFINE = ("gamma", "beta")
STATISTICS = ("moving_mean", "moving_variance")


def choose_groups(channels: int, wish: int = 32, *, one_pixel: bool = False) -> int:
    """Choose the number of groups for channels that the wish may not divide.

    The rule: the wish where it divides the channels, else the largest smaller divisor
    that leaves at least two channels to a group. Where a channel has a single number
    per sample (a 1x1 map, or the outputs of a dense layer), a group always gets at
    least two channels, or it would come out constant.

    Args:
        channels: Number of channels, at least 1.
        wish: Number of groups to have if it divides the channels.
        one_pixel: Whether each channel has a single number per sample.

    Returns:
        The number of groups; it divides the channels.

    Example:
        >>> choose_groups(64), choose_groups(24), choose_groups(24, one_pixel=True)
        (32, 12, 12)
    """
    if one_pixel and channels > 1:
        wish = min(wish, channels // 2)
    return layers.group_count(channels, wish)


def substitute(
    site: NormSite, to: str, *, groups: int = 32, absorbed: str | None = None
) -> tuple[keras.layers.Layer, Swap]:
    """Make the layer that takes the place of a norm.

    Name, axis, dtype policy, `trainable`, `center`, `scale`, initializers,
    regularizers and constraints are kept. `gamma` and `beta` are carried over later,
    when the new layer has been built. Epsilon is the new norm's own default, because
    it means something else in each norm.

    Args:
        site: The norm to replace.
        to: Kind of the new norm.
        groups: Wish for the number of groups.
        absorbed: Path of the rectifier that the new norm takes over, or None.

    Returns:
        The new layer, not built, and the entry of the report.
    """
    target, chosen = _choose(site, to, groups, absorbed is not None)
    options = {name: getattr(site.layer, name) for name in OPTIONS}
    if NORM_KINDS[target].is_batch_norm and site.is_batch_norm:
        options["momentum"] = site.layer.momentum
        options["epsilon"] = site.layer.epsilon
    options |= chosen
    options |= {
        "axis": site.axis,
        "name": site.layer.name,
        "dtype": site.layer.dtype_policy,
        "trainable": site.layer.trainable,
    }
    if target == "none":
        # Both hold what the statistics did, whether the norm had them or not.
        layer = layers.ChannelScale(**{**options, "center": True, "scale": True})
    else:
        layer = layers.make_norm(target, **options)
    weights = {weight.name for weight in site.layer.weights}
    kept = _kept(site, target)
    swap = Swap(
        path=site.path,
        source=site.kind,
        target=target,
        channels=site.channels,
        kept=tuple(name for name in (*AFFINE, *STATISTICS) if name in kept),
        chosen=chosen,
        lost=tuple(sorted(weights - kept)),
        absorbed=absorbed,
    )
    return layer, swap


def learns_epsilon(layer: keras.layers.Layer) -> bool:
    """Return whether a layer is a filter response norm that learns its epsilon.

    Args:
        layer: Any layer.
    """
    return isinstance(layer, layers.FilterResponseNorm) and layer.learn_epsilon


def _choose(
    site: NormSite, to: str, groups: int, absorbs: bool
) -> tuple[str, dict[str, Any]]:
    """Decide what the given norm does not tell."""
    kind = NORM_KINDS[to]
    if kind.chooses_groups:
        one = site.has_one_pixel
        return to, {"groups": choose_groups(site.channels, groups, one_pixel=one)}
    if kind.with_one_pixel is not None and site.has_one_pixel:
        # The instance norm of a single number is a constant, which would cut the
        # network in two.
        return kind.with_one_pixel, {}
    if kind.has_threshold:
        # The mean over one pixel is no mean: the paper learns epsilon there.
        learned = {"learn_epsilon": True} if site.has_one_pixel else {}
        return to, {"tlu": absorbs, **learned}
    return to, {}


def _kept(site: NormSite, target: str) -> set[str]:
    """Name the weights that the new norm takes over."""
    kept = set()
    for name in AFFINE:
        weight = getattr(site.layer, name, None)
        if weight is not None and tuple(weight.shape) == (site.channels,):
            kept.add(name)
    if NORM_KINDS[target].is_batch_norm and site.is_batch_norm:
        kept |= set(STATISTICS)
    return kept
