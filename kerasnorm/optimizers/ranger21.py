"""Ranger21: gradient clipping and centralization, AdaPNM and Lookahead in one."""

from typing import Any

import keras

from kerasnorm.optimizers.ada_pnm import AdaPNM
from kerasnorm.optimizers.agc import AGC
from kerasnorm.optimizers.exclusion import (
    FINAL_KERNEL,
    deserialize_exclude,
    serialize_exclude,
)
from kerasnorm.optimizers.gradient_centralization import GradientCentralization
from kerasnorm.optimizers.lookahead import Lookahead
from kerasnorm.optimizers.schedules import WarmupStableDecay
from kerasnorm.optimizers.wrapper import OptimizerWrapper
from kerasnorm.registration import register


@register
class Ranger21(OptimizerWrapper):
    """AdamW with eight refinements, each of which can be switched off.

    Use it where nobody wants to tune, and for networks without normalization. It is

        AGC(GradientCentralization(Lookahead(AdaPNM(schedule, ...))))

    so each update clips the gradient by unit, centralizes it, steps with
    positive-negative momentum over the largest second moments, with a stable weight
    decay that pulls unit norms to 1, and every fifth update lets the slow weights
    catch up. With `total_steps` the learning rate rises over the first
    `min(2 / (1 - beta_2), 0.22 * total_steps)` updates and falls to 0 over the last
    28%. Everything off is AdamW.

    Training and validation see the fast weights, `fit` ends with a
    synchronization (see `Lookahead`). Callbacks find the scheduled rate under
    `learning_rate`.

    Args:
        learning_rate: Highest learning rate, a `LearningRateSchedule` or a callable.
            Default 1e-3.
        total_steps: Batches of the whole training, for warm-up and warm-down; `None`
            leaves `learning_rate` as it is. Default `None`.
        weight_decay: Strength of the decay, at least 0. Default 1e-4.
        beta_0: Weight of the negative momentum. Default 0.9.
        beta_1: Decay of the momentum, 0 to 1. Default 0.9.
        beta_2: Decay of the second moments, 0 to 1. Default 0.999.
        epsilon: Added to the root of the second moments. Default 1e-8.
        clip_factor: Fraction of its weight norm to which a unit's gradient is clipped;
            `None` for no clipping. Default 0.01.
        exclude: What is not clipped, as in `AGC`. Default `"final_kernel"`.
        gradient_centralization: Whether to centralize gradients. Default true.
        positive_negative_momentum: Whether to use two momenta. Default true.
        amsgrad: Whether second moments keep their largest value. Default true.
        stable_weight_decay: Whether to scale the decay as Adam scales steps. Default
            true.
        norm_loss: Whether decay pulls unit norms to 1. Default true.
        decay_kernels_only: Whether biases and scales are excluded from decay. Default
            true.
        sync_period: Updates between two synchronizations of Lookahead; `None` for no
            Lookahead. Default 5.
        slow_step: How far the slow weights follow, 0 to 1. Default 0.5.
        name: Name of the optimizer.
        **kwargs: Keras' own: `use_ema`, `gradient_accumulation_steps` and so on.

    Raises:
        ValueError: If `total_steps` is given while `learning_rate` is a schedule.

    Example:
        ```python
        optimizer = Ranger21(1e-3, total_steps=epochs * len(train))
        model.compile(optimizer=optimizer, loss="categorical_crossentropy")
        ```

    Reference:
        Wright and Demeure 2021, Ranger21, algorithm 1,
        https://arxiv.org/abs/2106.13731. Departs from the paper in sparing the final
        kernel from clipping, and vectors from decay; the softplus and the gradient
        normalization that its code gained later are left out.
    """

    def __init__(
        self,
        learning_rate=1e-3,
        total_steps: int | None = None,
        weight_decay: float = 1e-4,
        beta_0: float = 0.9,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        *,
        clip_factor: float | None = 0.01,
        exclude: Any = FINAL_KERNEL,
        gradient_centralization: bool = True,
        positive_negative_momentum: bool = True,
        amsgrad: bool = True,
        stable_weight_decay: bool = True,
        norm_loss: bool = True,
        decay_kernels_only: bool = True,
        sync_period: int | None = 5,
        slow_step: float = 0.5,
        name: str | None = None,
        **kwargs: Any,
    ):
        optimizer: keras.optimizers.Optimizer = AdaPNM(
            _scheduled(learning_rate, total_steps, beta_2),
            weight_decay=weight_decay,
            beta_0=beta_0,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            positive_negative_momentum=positive_negative_momentum,
            amsgrad=amsgrad,
            stable_weight_decay=stable_weight_decay,
            norm_loss=norm_loss,
            decay_kernels_only=decay_kernels_only,
            **kwargs,
        )
        if sync_period is not None:
            optimizer = Lookahead(optimizer, sync_period, slow_step)
        if gradient_centralization:
            optimizer = GradientCentralization(optimizer)
        if clip_factor is not None:
            optimizer = AGC(optimizer, clip_factor, exclude=exclude)
        super().__init__(optimizer, name=name)
        self.peak_learning_rate = learning_rate
        self.total_steps = total_steps
        self.clip_factor = clip_factor
        self.exclude = exclude
        self.gradient_centralization = gradient_centralization
        self.sync_period = sync_period
        self.slow_step = slow_step

    def get_config(self):
        """Return the constructor arguments."""
        core = self.inner_optimizer
        while isinstance(core, OptimizerWrapper):
            core = core.inner_optimizer
        config = {
            **core.get_config(),
            "total_steps": self.total_steps,
            "clip_factor": self.clip_factor,
            "exclude": serialize_exclude(self.exclude),
            "gradient_centralization": self.gradient_centralization,
            "sync_period": self.sync_period,
            "slow_step": self.slow_step,
            "name": self.name,
        }
        if self.total_steps is not None:
            config["learning_rate"] = self.peak_learning_rate
        return config

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Make the optimizer that `get_config` described."""
        config = deserialize_exclude(config, custom_objects)
        if isinstance(config.get("learning_rate"), dict):
            rate = keras.saving.deserialize_keras_object(
                config["learning_rate"], custom_objects=custom_objects
            )
            config = {**config, "learning_rate": rate}
        return cls(**config)


def _scheduled(learning_rate, total_steps: int | None, beta_2: float):
    """Rise and fall as in section 2.6 of the paper.

    At update t = 1 to T the learning rate is multiplied by
    `min(1, max(t * (1 - beta_2) / 2, t / (0.22 * T)), (T - t) / (0.28 * T))`.
    """
    if total_steps is None:
        return learning_rate
    if not isinstance(learning_rate, int | float):
        raise ValueError(
            "Expected `total_steps` with a number, which it turns into a schedule, "
            f"received `learning_rate={learning_rate!r}` with "
            f"`total_steps={total_steps!r}`. Pass one of them."
        )
    # Keras counts steps from 0, the paper from 1.
    warmup = min(2 / (1 - beta_2), 0.22 * total_steps)
    return WarmupStableDecay(
        learning_rate,
        total_steps=total_steps - 1,
        warmup_steps=max(warmup - 1, 0),
        decay_steps=0.28 * total_steps,
        initial_learning_rate=learning_rate / max(warmup, 1),
    )
