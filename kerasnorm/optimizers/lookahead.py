"""Lookahead: slow weights that follow those of any Keras optimizer."""

from typing import Any

from keras import ops

from kerasnorm.optimizers.assignment import assign_when
from kerasnorm.optimizers.gradients import fingerprint
from kerasnorm.optimizers.wrapper import OptimizerWrapper
from kerasnorm.registration import register


@register
class Lookahead(OptimizerWrapper):
    """Every few updates, step from slow weights towards the fast ones; continue there.

    It calms the noise of the inner optimizer at the cost of one copy of the weights.
    The slow weights start as the weights are at the first update. After updates
    `sync_period`, `2 * sync_period` and so on,

        slow <- slow + slow_step * (fast - slow),    fast <- slow

    where fast are the weights of the model. The state of the inner optimizer is kept.
    Under gradient accumulation only real updates count.

    Training and validation see the fast weights; at a synchronization both are the
    same, so validation sees the slow weights where `sync_period` divides the updates
    of an epoch. When `fit` ends, it calls `finalize_variable_values`, which
    synchronizes once more, whatever is left of the period, so that the model keeps
    slow weights and no update is lost (with `use_ema` in the inner optimizer it keeps
    the moving average); the next `fit` begins a period anew. A model saved in
    mid-training saves both. Where anything else has changed the weights (`set_weights`,
    `load_weights`, the best weights that early stopping restores), they stay as they
    were set and the slow weights start again from them.

    Args:
        optimizer: The optimizer to wrap, found again as `inner_optimizer`.
        sync_period: Updates from one synchronization to the next, at least 1.
            Default 5.
        slow_step: How far the slow weights go towards the fast ones, above 0, at most
            1; with 1 no update is changed. Default 0.5.
        name: Name of the optimizer.

    Raises:
        ValueError: If `sync_period` or `slow_step` is out of range.

    Example:
        ```python
        model.compile(optimizer=Lookahead(keras.optimizers.AdamW(1e-3)), loss="mse")
        ```

    Reference:
        Zhang et al. 2019, Lookahead optimizer: k steps forward, 1 step back,
        algorithm 1, https://arxiv.org/abs/1907.08610.
    """

    def __init__(
        self,
        optimizer,
        sync_period: int = 5,
        slow_step: float = 0.5,
        name: str | None = None,
    ):
        super().__init__(optimizer, name=name)
        if int(sync_period) != sync_period or sync_period < 1:
            raise ValueError(
                "Expected `sync_period` to be a whole number of updates, at least 1, "
                f"received {sync_period!r}. Five is usual."
            )
        if not 0 < slow_step <= 1:
            raise ValueError(
                f"Expected `slow_step` to be above 0 and at most 1, received "
                f"{slow_step!r}. One half is usual."
            )
        self.sync_period = sync_period
        self.slow_step = slow_step

    def prepare(self, variables):
        """Create the slow weights and the count of updates."""
        self._slow_weights = self.add_optimizer_variables(variables, "slow")
        self._updates = self.add_variable(
            shape=(), dtype="int", aggregation="only_first_replica", name="updates"
        )
        self._fingerprints = self.add_variable(
            shape=(len(self._pairs()[0]),),
            dtype="int",
            aggregation="only_first_replica",
            name="fingerprints",
        )

    def before_update(self):
        """Start the slow weights where the fast ones are, unless both belong together.

        They do not before the first update, nor after weights have been set.
        """
        fast, slow = self._pairs()
        is_changed = ops.logical_not(self._is_known(fast))
        is_new = ops.logical_or(ops.equal(self._updates, 0), is_changed)
        assign_when(is_new, lambda fast, slow: (fast, fast), fast, slow)

    def after_update(self):
        """Synchronize slow and fast weights when it is time."""
        self._updates.assign_add(1)
        due = ops.equal(self._updates % self.sync_period, 0)
        fast, slow = self._pairs()
        assign_when(due, self._synchronize, fast, slow)
        # Keras constrains the weights after this.
        self._fingerprints.assign(self._fingerprints_of(map(_constrained, fast)))

    def finalize_variable_values(self, var_list):
        """Synchronize a last time, unless `use_ema` has left a moving average."""
        super().finalize_variable_values(var_list)
        # A failed step under JAX takes the values along; Keras still calls this, and
        # an error here would hide that of the step.
        if self.use_ema or not self.built or self._updates._value is None:
            return
        if not int(ops.convert_to_numpy(self._updates)):
            return
        fast, slow = self._pairs()
        # At a synchronization both are the same already.
        is_between = ops.not_equal(self._updates % self.sync_period, 0)
        if bool(
            ops.convert_to_numpy(ops.logical_and(self._is_known(fast), is_between))
        ):
            for one, other in zip(fast, slow, strict=True):
                # Keras constrains what a step leaves in the fast weights alone.
                one.assign(_constrained(one, self._synchronize(one, other)[0]))
        # The next update starts the slow weights from what is in the model now.
        self._updates.assign(0)

    def _is_known(self, fast) -> Any:
        """Say whether the weights are those that the last update has left."""
        return ops.all(ops.equal(self._fingerprints, self._fingerprints_of(fast)))

    def _pairs(self) -> tuple[list, list]:
        pairs = zip(self._trainable_variables, self._slow_weights, strict=True)
        # Keras gives no slot to a variable that is overwritten by its gradient.
        kept = [(fast, slow) for fast, slow in pairs if slow is not None]
        return [fast for fast, _ in kept], [slow for _, slow in kept]

    def _fingerprints_of(self, weights):
        return ops.stack([fingerprint(weight) for weight in weights])

    def _synchronize(self, fast, slow):
        # Keras on TensorFlow takes a summand of shape (0, 2) for a bias, and fails.
        met = slow - self.slow_step * (slow - fast)
        return met, met

    def get_config(self):
        """Return the constructor arguments."""
        return {
            **super().get_config(),
            "sync_period": self.sync_period,
            "slow_step": self.slow_step,
        }


def _constrained(variable, value=None):
    """Return a value of a variable, by default its own, as its constraint leaves it."""
    value = ops.convert_to_tensor(variable) if value is None else value
    return value if variable.constraint is None else variable.constraint(value)
