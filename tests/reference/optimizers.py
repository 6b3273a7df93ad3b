"""Update rules as the papers write them, in float64, one tensor after the other.

Each rule is a class: `step(weights, gradients)` returns the new weights.
"""

import numpy as np

from tests.reference import unit_gradients


class SGD:
    """Keras' form: the learning rate is part of the velocity."""

    def __init__(self, learning_rate, momentum=0.0):
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.velocity = None

    def step(self, weights, gradients):
        if self.velocity is None:
            self.velocity = [np.zeros(w.shape) for w in weights]
        for i, gradient in enumerate(gradients):
            self.velocity[i] = (
                self.momentum * self.velocity[i] - self.learning_rate * gradient
            )
        return [w + v for w, v in zip(weights, self.velocity, strict=True)]


class AGC:
    def __init__(self, inner, kinds, clip_factor, epsilon=1e-3, excluded=()):
        self.inner = inner
        self.kinds = kinds
        self.clip_factor = clip_factor
        self.epsilon = epsilon
        self.excluded = excluded

    def step(self, weights, gradients):
        clipped = [
            g
            if i in self.excluded
            else unit_gradients.clip(g, w, kind, self.clip_factor, self.epsilon)
            for i, (g, w, kind) in enumerate(
                zip(gradients, weights, self.kinds, strict=True)
            )
        ]
        return self.inner.step(weights, clipped)


class GradientCentralization:
    def __init__(self, inner, kinds):
        self.inner = inner
        self.kinds = kinds

    def step(self, weights, gradients):
        centralized = [
            unit_gradients.centralize(g, kind)
            for g, kind in zip(gradients, self.kinds, strict=True)
        ]
        return self.inner.step(weights, centralized)


class Lookahead:
    def __init__(self, inner, period=5, slow_step=0.5):
        self.inner = inner
        self.period = period
        self.slow_step = slow_step
        self.slow = None
        self.updates = 0

    def step(self, weights, gradients):
        if self.slow is None:
            self.slow = [w.copy() for w in weights]
        fast = self.inner.step(weights, gradients)
        self.updates += 1
        if self.updates % self.period == 0:
            self.slow = [
                s + self.slow_step * (f - s)
                for s, f in zip(self.slow, fast, strict=True)
            ]
            fast = [s.copy() for s in self.slow]
        return fast


class AdaPNM:
    """Algorithm of Ranger21 between centralization and Lookahead."""

    def __init__(
        self,
        kinds,
        learning_rate,
        weight_decay,
        beta_0=1.0,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        positive_negative=True,
        amsgrad=True,
        stable=True,
        norm_loss=False,
        kernels_only=True,
    ):
        self.kinds = kinds
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.beta_0, self.beta_1, self.beta_2 = beta_0, beta_1, beta_2
        self.epsilon = epsilon
        self.positive_negative = positive_negative
        self.amsgrad = amsgrad
        self.stable = stable
        self.norm_loss = norm_loss
        self.kernels_only = kernels_only
        self.t = 0
        self.m, self.v, self.largest = [], [], []

    def rate(self):
        return (
            self.learning_rate(self.t)
            if callable(self.learning_rate)
            else (self.learning_rate)
        )

    def step(self, weights, gradients):
        self.t += 1
        b0, b1, b2, t = self.beta_0, self.beta_1, self.beta_2, self.t
        zeros = [np.zeros(w.shape) for w in weights]
        if t == 1:
            # One entry for each past step: m[-1] is m_(t-1), m[-2] is m_(t-2).
            self.m = [zeros, zeros]
            self.v, self.largest = zeros, zeros
        if self.positive_negative:
            newest = [
                b1**2 * m + (1 - b1**2) * g
                for m, g in zip(self.m[-2], gradients, strict=True)
            ]
            length = np.sqrt((1 + b0) ** 2 + b0**2)
            momentum = [
                ((1 + b0) * m - b0 * last) / length
                for m, last in zip(newest, self.m[-1], strict=True)
            ]
        else:
            newest = [
                b1 * m + (1 - b1) * g
                for m, g in zip(self.m[-1], gradients, strict=True)
            ]
            momentum = newest
        self.m.append(newest)
        self.v = [
            b2 * v + (1 - b2) * g**2 for v, g in zip(self.v, gradients, strict=True)
        ]
        self.largest = [
            np.maximum(old, v) for old, v in zip(self.largest, self.v, strict=True)
        ]
        v_hat = [v / (1 - b2**t) for v in (self.largest if self.amsgrad else self.v)]
        mean = np.mean(np.concatenate([v.reshape(-1) for v in v_hat]))
        updated = []
        for w, m, v, kind in zip(weights, momentum, v_hat, self.kinds, strict=True):
            step = m / (1 - b1**t) / (np.sqrt(v) + self.epsilon)
            decay = np.zeros(w.shape)
            if kind != "vector" or not (self.kernels_only or self.norm_loss):
                decay = self.weight_decay * w
                if self.norm_loss:
                    decay = self.weight_decay * unit_gradients.norm_loss_gradient(
                        w, kind
                    )
            if self.stable:
                decay = decay / np.sqrt(mean)
            updated.append(w - self.rate() * (step + decay))
        return updated


def ranger21_rate(peak, total, beta_2=0.999):
    """Learning rate at update t = 1 to total."""

    def rate(t):
        warmup = max(t * (1 - beta_2) / 2, t / (0.22 * total))
        return peak * min(1.0, warmup, (total - t) / (0.28 * total))

    return rate


def sam_step(weights, gradient_at, rho, adaptive, learning_rate):
    """One step of SGD with the gradient at the summit nearby."""
    gradients = gradient_at(weights)
    if adaptive:
        pairs = list(zip(weights, gradients, strict=True))
        norm = np.sqrt(sum(np.sum((np.abs(w) * g) ** 2) for w, g in pairs))
        climb = [rho * w**2 * g / norm for w, g in pairs]
    else:
        norm = np.sqrt(sum(np.sum(g**2) for g in gradients))
        climb = [rho * g / norm for g in gradients]
    summit = [w + e for w, e in zip(weights, climb, strict=True)]
    return [
        w - learning_rate * g for w, g in zip(weights, gradient_at(summit), strict=True)
    ]


class Muon:
    """Orthogonalized momentum by singular values; Adam where there is no matrix.

    Args:
        by_adam: Positions of the variables that Adam steps.
    """

    def __init__(self, kinds, learning_rate, weight_decay, by_adam, momentum=0.95):
        self.kinds = kinds
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.by_adam = by_adam
        self.momentum = momentum
        self.t = 0
        self.m = self.v = None

    @staticmethod
    def orthogonal(matrix, steps=5):
        left, values, right = np.linalg.svd(matrix, full_matrices=False)
        values = values / (np.sqrt(np.sum(values**2)) + 1e-7)
        for _ in range(steps):
            values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
        return left @ np.diag(values) @ right

    def step(self, weights, gradients):
        self.t += 1
        if self.m is None:
            self.m = [np.zeros(w.shape) for w in weights]
            self.v = [np.zeros(w.shape) for w in weights]
        updated = []
        for i, (w, g) in enumerate(zip(weights, gradients, strict=True)):
            w = w * (1 - self.learning_rate * self.weight_decay)
            if i in self.by_adam:
                self.m[i] = 0.9 * self.m[i] + 0.1 * g
                self.v[i] = 0.999 * self.v[i] + 0.001 * g**2
                root = np.sqrt(1 - 0.999**self.t)
                step = self.m[i] * root / (1 - 0.9**self.t)
                step = step / (np.sqrt(self.v[i]) + 1e-7)
            else:
                kind = self.kinds[i]
                self.m[i] = self.momentum * self.m[i] + g
                ahead = unit_gradients.as_matrix(g + self.momentum * self.m[i], kind)
                turned = 0.2 * np.sqrt(max(ahead.shape)) * self.orthogonal(ahead)
                step = unit_gradients.from_matrix(turned, g.shape, kind)
            updated.append(w - self.learning_rate * step)
        return updated
