"""Ghost batch normalization: batch statistics over small parts of the batch."""

from typing import Any

import keras

from kerasnorm.registration import register


@register
class GhostBatchNorm(keras.layers.BatchNormalization):
    """Normalize parts of the batch by their own statistics.

    Args:
        ghost_batch_size: Samples per part, at least 1.
        axis: Axis of the channels, -1 for channels last, 1 for channels first.
        momentum: Share of the old moving statistics that each step keeps, 0 to 1.
        epsilon: Positive number added to the variance.
        **kwargs: As for `keras.layers.BatchNormalization`.
    """

    def __init__(
        self,
        ghost_batch_size: int = 32,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        **kwargs: Any,
    ) -> None:
        super().__init__(axis=axis, momentum=momentum, epsilon=epsilon, **kwargs)
        self.ghost_batch_size = ghost_batch_size

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "ghost_batch_size": self.ghost_batch_size}
