"""Models that train in steps of their own, as the guides of each backend write them."""

import keras

L = keras.layers
ops = keras.ops
BACKEND = keras.backend.backend()


def norm():
    return L.BatchNormalization(momentum=0.5)


def scope_of(parts, state):
    """Return a scope in which variables have the values that JAX hands on."""
    mapping = [
        pair
        for part, values in zip(parts, state, strict=True)
        for pair in zip(part, values, strict=True)
    ]
    return keras.StatelessScope(state_mapping=mapping)


class Descending:
    """Goes down losses that `aims` names, one after the other.

    No model itself: Keras changes the bases of a class that a graph is made of, and
    with them all classes below.

    `aims(data)` returns a function without arguments that gives a loss, variables, and
    their optimizer for each; `logs(data, losses)` what `fit` shows.
    """

    if BACKEND == "tensorflow":

        def train_step(self, data):
            import tensorflow as tf

            losses = []
            for loss_of, variables, optimizer in self.aims(data):
                with tf.GradientTape() as tape:
                    losses.append(loss_of())
                optimizer.apply(tape.gradient(losses[-1], variables), variables)
            return self.logs(data, losses)

    elif BACKEND == "torch":

        def train_step(self, data):
            import torch

            losses = []
            for loss_of, variables, optimizer in self.aims(data):
                self.zero_grad()
                losses.append(loss_of())
                losses[-1].backward()
                gradients = [variable.value.grad for variable in variables]
                with torch.no_grad():
                    optimizer.apply(gradients, variables)
            return self.logs(data, losses)

    else:

        def train_step(self, state, data):
            parts = (
                self.trainable_variables,
                self.non_trainable_variables,
                self.optimizer.variables,
                self.metrics_variables,
            )
            with scope_of(parts, state):
                losses = [self._descend(*aim) for aim in self.aims(data)]
                logs = self.logs(data, losses)
                state = tuple([variable.value for variable in part] for part in parts)
            return logs, state

        def _descend(self, loss_of, variables, optimizer):
            import jax

            others = [v for v in self.variables if all(v is not x for x in variables)]

            def measure(values, kept):
                mapping = [*zip(variables, values, strict=True)]
                mapping += zip(others, kept, strict=True)
                with keras.StatelessScope(state_mapping=mapping):
                    return loss_of(), [variable.value for variable in others]

            (loss, kept), gradients = jax.value_and_grad(measure, has_aux=True)(
                [variable.value for variable in variables],
                [variable.value for variable in others],
            )
            for variable, value in zip(others, kept, strict=True):
                variable.assign(value)
            optimizer.apply(gradients, variables)
            return loss


class Adversaries(Descending, keras.Model):
    """Two networks with an optimizer each, and a training step of its own."""

    def __init__(self, **more):
        super().__init__(**more)
        self.maker = keras.Sequential(
            [keras.Input((2,)), L.Dense(4), norm(), L.Dense(5)]
        )
        self.judge = keras.Sequential(
            [keras.Input((5,)), L.Dense(4), norm(), L.Dense(1)]
        )

    def compile(self, judge_optimizer, maker_optimizer):
        super().compile()
        self.judge_optimizer = judge_optimizer
        self.maker_optimizer = maker_optimizer

    def call(self, inputs, training=False):
        return self.judge(inputs, training=training)

    def aims(self, data):
        (x,) = data
        noise = ops.ones((ops.shape(x)[0], 2)) * ops.mean(x)

        def judge_made():
            return self.judge(self.maker(noise, training=True), training=True)

        def judged():
            real = self.judge(x, training=True)
            return ops.mean(ops.softplus(judge_made())) + ops.mean(ops.softplus(-real))

        def fooled():
            return ops.mean(ops.softplus(-judge_made()))

        return (
            (judged, self.judge.trainable_variables, self.judge_optimizer),
            (fooled, self.maker.trainable_variables, self.maker_optimizer),
        )

    def logs(self, data, losses):
        return {"loss": losses[0]}


class OwnStep(Descending, keras.Model):
    """Trains with a step that takes two parts, as Keras' guides do."""

    def aims(self, data):
        x, y = data

        def loss_of():
            return self.compute_loss(y=y, y_pred=self(x, training=True))

        return ((loss_of, self.trainable_variables, self.optimizer),)

    def logs(self, data, losses):
        return {"loss": losses[0]}


class Frame(Descending, keras.Model):
    """Two networks that only its own steps call: it has no `call`."""

    def __init__(self, **more):
        super().__init__(**more)
        self.encoder = keras.Sequential([keras.Input((5,)), L.Dense(4), norm()])
        self.decoder = keras.Sequential(
            [keras.Input((4,)), L.Dense(4), norm(), L.Dense(5)]
        )
        self.mean_loss = keras.metrics.Mean(name="loss")
        self.noise = keras.random.SeedGenerator(1)
        # Elsewhere `fit` calls what is not built.
        self.built = BACKEND != "tensorflow"

    @property
    def metrics(self):
        return [self.mean_loss]

    def loss_of(self, x, training):
        code = self.encoder(x, training=training)
        code += 0.1 * keras.random.normal(ops.shape(code), seed=self.noise)
        return ops.mean(ops.square(self.decoder(code, training=training) - x))

    def aims(self, data):
        def loss_of():
            return self.loss_of(data[0], True)

        return ((loss_of, self.trainable_variables, self.optimizer),)

    def logs(self, data, losses):
        self.mean_loss.update_state(self.loss_of(data[0], False))
        return {"loss": self.mean_loss.result()}

    if BACKEND == "jax":

        def test_step(self, state, data):
            parts = (
                self.trainable_variables,
                self.non_trainable_variables,
                self.metrics_variables,
            )
            with scope_of(parts, state):
                logs = self.logs(data, None)
                return logs, tuple([v.value for v in part] for part in parts)

    else:

        def test_step(self, data):
            return self.logs(data, None)
