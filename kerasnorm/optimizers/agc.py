"""Adaptive gradient clipping around any Keras optimizer."""

from collections.abc import Sequence

from keras import ops

from kerasnorm.optimizers import gradients
from kerasnorm.optimizers.exclusion import (
    FINAL_KERNEL,
    Exclude,
    deserialize_exclude,
    excluded_mask,
    serialize_exclude,
)
from kerasnorm.optimizers.wrapper import OptimizerWrapper
from kerasnorm.registration import register


@register
class AGC(OptimizerWrapper):
    """Clip each unit's gradient to a fraction of the norm of its weights.

    Use it to train networks without batch normalization, where single steps can be
    far too large. For unit i with gradient G_i and weights W_i,

        G_i <- G_i * limit_i / |G_i|    where |G_i| > limit_i,
        limit_i = clip_factor * max(|W_i|, epsilon)

    with Euclidean norms. What a unit is follows from the layer that owns the variable
    (see `kerasnorm.optimizers.gradients.unit_axes`); `build` looks the layers up, so
    nothing but `model.compile(optimizer=AGC(...))` is needed. A vector (bias, scale)
    is one unit. The clipping sees gradients without loss scale, averaged over
    accumulation steps and added up over replicas, and the weights before weight decay.

    Args:
        optimizer: The optimizer to wrap, found again as `inner_optimizer`.
        clip_factor: Largest allowed ratio of gradient norm to weight norm, above 0.
            0.01 suits batches of thousands; small batches need more, 0.02 to 0.16.
            Default 0.01.
        epsilon: Smallest norm taken for the weights, above 0. Default 1e-3.
        exclude: What is not clipped. Path parts, such as `"head"`, `"stem/kernel"` or
            `"norm*"` (one part or neighbouring parts of the variable's path, `*` for
            any letters); or a function that takes the variable and returns true to
            spare it; or `None` or `()` for nothing. The part `"final_kernel"` stands
            for the kernel of the last layer that has one, in the order of the model's
            variables: the classifier, whose bias is clipped. Default
            `"final_kernel"`.
        count_clips: Whether to count clipped units for `clip_shares`. Default false.
        name: Name of the optimizer.

    Raises:
        ValueError: If `clip_factor` or `epsilon` is not above 0.

    Example:
        ```python
        sgd = keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True)
        model.compile(optimizer=AGC(sgd, clip_factor=0.02), loss="mse")
        ```

    Reference:
        Brock et al. 2021, High-performance large-scale image recognition without
        normalization, https://arxiv.org/abs/2102.06171.
    """

    def __init__(
        self,
        optimizer,
        clip_factor: float = 0.01,
        epsilon: float = 1e-3,
        exclude: Exclude = FINAL_KERNEL,
        count_clips: bool = False,
        name: str | None = None,
    ):
        super().__init__(optimizer, name=name)
        for argument, value in (("clip_factor", clip_factor), ("epsilon", epsilon)):
            if not value > 0:
                raise ValueError(
                    f"Expected `{argument}` to be above 0, received {value!r}. Leave "
                    "the wrapper away to train without clipping."
                )
        self.clip_factor = clip_factor
        self.epsilon = epsilon
        self.exclude = exclude
        self.count_clips = count_clips

    def prepare(self, variables):
        """Look up the units of `variables`."""
        self._unit_axes = gradients.unit_axes_of(variables)
        self._excluded = excluded_mask(self.exclude, variables, self._unit_axes)
        if self.count_clips:
            self._clipped_shares = self.add_variable(
                shape=(len(variables),),
                aggregation="only_first_replica",
                name="clipped_shares",
            )
            self._counted_updates = self.add_variable(
                shape=(), aggregation="only_first_replica", name="counted_updates"
            )

    def transform_gradients(self, gradients_, variables):
        """Clip the gradients of all variables that are not excluded."""
        results = [self._clip(g, v) for g, v in zip(gradients_, variables, strict=True)]
        if self.count_clips:
            self._count([clipped for _, clipped in results], variables)
        return [gradient for gradient, _ in results]

    def _clip(self, gradient, variable):
        index = self._get_variable_index(variable)
        if self._excluded[index]:
            return gradient, None
        axes = self._unit_axes[index]
        return gradients.clip_units(
            gradients.make_dense(gradient),
            variable,
            axes,
            self.clip_factor,
            self.epsilon,
        )

    def _count(self, clipped: Sequence, variables: Sequence) -> None:
        shares = [ops.convert_to_tensor(0.0)] * len(self._unit_axes)
        for units, variable in zip(clipped, variables, strict=True):
            if units is not None:
                index = self._get_variable_index(variable)
                shares[index] = ops.mean(ops.cast(units, "float32"))
        self._clipped_shares.assign_add(ops.stack(shares))
        self._counted_updates.assign_add(1.0)

    def clip_shares(self) -> dict[str, float]:
        """Report how often each variable has been clipped since the last reset.

        Read it at the end of an epoch, to log it or write it to TensorBoard.

        Returns:
            By the path of the variable, the fraction of its units that were clipped, 0
            to 1, averaged over updates. Spared variables are absent.

        Raises:
            RuntimeError: If the optimizer was made without `count_clips=True`.
        """
        self._require_counts()
        updates = max(float(ops.convert_to_numpy(self._counted_updates)), 1.0)
        shares = ops.convert_to_numpy(self._clipped_shares) / updates
        return {
            variable.path: float(share)
            for variable, share, excluded in zip(
                self._trainable_variables, shares, self._excluded, strict=True
            )
            if not excluded
        }

    def reset_clip_shares(self) -> None:
        """Begin to count again.

        Raises:
            RuntimeError: If the optimizer was made without `count_clips=True`.
        """
        self._require_counts()
        self._clipped_shares.assign(ops.zeros(self._clipped_shares.shape))
        self._counted_updates.assign(0.0)

    def _require_counts(self) -> None:
        if not (self.count_clips and self.built):
            raise RuntimeError(
                "Expected an optimizer that has counted, received one that has not. "
                "Make it with `count_clips=True` and train first."
            )

    def get_config(self):
        """Return the constructor arguments, the inner optimizer serialized whole."""
        return {
            **super().get_config(),
            "clip_factor": self.clip_factor,
            "epsilon": self.epsilon,
            "exclude": serialize_exclude(self.exclude),
            "count_clips": self.count_clips,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Make the optimizer that `get_config` described."""
        config = deserialize_exclude(config, custom_objects)
        return super().from_config(config, custom_objects)
