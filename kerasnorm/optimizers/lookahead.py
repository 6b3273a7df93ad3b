"""Lookahead: slow weights that follow those of any Keras optimizer."""

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
    of an epoch. When `fit` ends, it calls `finalize_variable_values`, which leaves the
    slow weights in the model (or the moving average, if the inner optimizer keeps one
    with `use_ema`): what updates after the last synchronization did is dropped, and a
    `fit` of fewer updates than `sync_period` ends where it began, so a short one wants
    a short period. A model saved in mid-training saves both. Where anything else has
    changed the weights between two updates (`set_weights`, `load_weights`, the best
    weights that early stopping restores), the slow weights start again from them.

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
        is_known = ops.all(ops.equal(self._fingerprints, self._fingerprints_of(fast)))
        is_new = ops.logical_or(ops.equal(self._updates, 0), ops.logical_not(is_known))
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
        """Leave the slow weights, or the moving average if `use_ema` is set."""
        super().finalize_variable_values(var_list)
        if self.use_ema or not self.built:
            return
        # A failed step under JAX takes the values along; Keras still calls this, and
        # an error here would hide that of the step.
        has_value = self._updates._value is not None
        if has_value and int(ops.convert_to_numpy(self._updates)):
            for fast, slow in zip(*self._pairs(), strict=True):
                # A copy: JAX would otherwise keep one array in both and, in the next
                # step, give it away twice.
                value = ops.copy(ops.convert_to_tensor(slow))
                # Keras constrains what a step leaves in the fast weights alone.
                fast.assign(_constrained(fast, value))

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
