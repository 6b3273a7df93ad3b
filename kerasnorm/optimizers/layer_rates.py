"""Lets every layer learn at a rate of its own."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kerasnorm.optimizers.wrapper import OptimizerWrapper
from kerasnorm.registration import register


@register
class LayerRates(OptimizerWrapper):
    """Multiply what an optimizer does to each variable by a factor.

    The first layers of a pretrained network hold what all images have in common and
    should move least, the last ones most. The whole step of a variable is shortened,
    decoupled weight decay included, which is what a smaller learning rate does;
    gradients, on whose size Adam does not depend, stay as they are. `Lookahead` belongs
    outside: it would take a shortened step for weights that were set by hand.

    Args:
        optimizer: The optimizer to wrap.
        factors: One number from 0 to 1 for each trainable variable, in the order of
            the model's `trainable_variables`; see `rising_rates`.
        name: Name of the optimizer.

    Raises:
        ValueError: If a factor is out of range, and when it is built with another
            number of variables.

    Example:
        >>> factors = rising_rates(model, 0.1)
        >>> model.compile(LayerRates(keras.optimizers.AdamW(1e-4), factors), "mse")

    Reference:
        Howard and Ruder 2018, https://arxiv.org/abs/1801.06146, discriminative
        fine-tuning.
    """

    def __init__(
        self,
        optimizer: keras.optimizers.Optimizer,
        factors: Sequence[float],
        name: str | None = None,
    ) -> None:
        super().__init__(optimizer, name=name)
        wrong = [factor for factor in factors if not 0 <= factor <= 1]
        if wrong:
            raise ValueError(
                f"Expected `factors` from 0 to 1. Received: {wrong[0]!r}; multiply the "
                "learning rate instead."
            )
        self.factors = [float(factor) for factor in factors]
        self._before: list[Any] = []

    def prepare(self, variables: Sequence) -> None:
        """Check that there is a factor for each variable."""
        if len(variables) != len(self.factors):
            raise ValueError(
                f"Expected `factors` for {len(variables)} trainable variables. "
                f"Received: {len(self.factors)}; make them anew after layers were "
                "frozen or set free."
            )

    def before_update(self) -> None:
        """Remember where the slower variables are."""
        self._before = [ops.copy(variable) for variable, _ in self._slower()]

    def after_update(self) -> None:
        """Take back the part of each step that is too much."""
        before, self._before = self._before, []
        for (variable, factor), old in zip(self._slower(), before, strict=True):
            new = ops.convert_to_tensor(variable)
            variable.assign(old + ops.cast(factor, new.dtype) * (new - old))

    def _slower(self) -> list[tuple[Any, float]]:
        pairs = zip(self._trainable_variables, self.factors, strict=True)
        return [(variable, factor) for variable, factor in pairs if factor < 1]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {**super().get_config(), "factors": self.factors}


def rising_rates(model: keras.Model, first: float) -> list[float]:
    """Return factors that rise from the first layer to 1 at the last.

    Args:
        model: A built model; what is frozen has no factor.
        first: Factor of the first layer, above 0 to 1; those between lie evenly by
            ratio.

    Example:
        >>> LayerRates(keras.optimizers.AdamW(1e-4), rising_rates(model, 0.1))
    """
    owners = [v.path.rpartition("/")[0] for v in model.trainable_variables]
    places = {owner: place for place, owner in enumerate(dict.fromkeys(owners))}
    last = max(len(places) - 1, 1)
    return [first ** (1 - places[owner] / last) for owner in owners]
