"""A checkpoint keeps every optimizer of a model, wherever the model keeps them."""

import keras
import numpy as np
import pytest

from kerasnorm import callbacks, optimizers
from kerasnorm.doctor.forward.state import temporary_optimizers
from tests.callbacks.checkpoint_rows import OF_KERAS, OPTIMIZERS, wrapped
from tests.marks import thorough_after

tf = pytest.importorskip("tensorflow")
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="trains with a tape"
)
L = keras.layers
ops = keras.ops
STEPS, EPOCHS = 3, 4
MAKERS = OF_KERAS | {
    kind.__name__: wrapped(kind)
    for kind in OPTIMIZERS
    # SAM needs two gradients a step, which only its own step takes; LayerRates a factor
    # for each variable, of which the two networks have different numbers.
    if kind not in (optimizers.SAM, optimizers.LayerRates)
}


def attributes(model, judge, maker):
    model.judge_optimizer, model.maker_optimizer = judge, maker
    return lambda: (model.judge_optimizer, model.maker_optimizer)


def a_list(model, judge, maker):
    model.both = [judge, maker]
    return lambda: model.both


def a_dictionary(model, judge, maker):
    model.both = {"judge": judge, "maker": maker}
    return lambda: (model.both["judge"], model.both["maker"])


def compiled_parts(model, judge, maker):
    model.judge.compile(judge)
    model.maker.compile(maker)
    return lambda: (model.judge.optimizer, model.maker.optimizer)


PLACES = (attributes, a_list, a_dictionary, compiled_parts)


class Adversaries(keras.Model):
    """Two networks that train against each other, with an optimizer each."""

    def __init__(self, place, make):
        super().__init__()
        self.maker = keras.Sequential([keras.Input((2,)), L.Dense(5), L.Dense(5)])
        self.judge = keras.Sequential(
            [keras.Input((5,)), L.Dense(4), L.BatchNormalization(), L.Dense(1)]
        )
        self.compile(run_eagerly=True)
        self.both_of = place(self, make(), make())

    def call(self, inputs):
        return self.judge(inputs)

    def train_step(self, data):
        (x,) = data
        noise = ops.ones((ops.shape(x)[0], 2)) * ops.mean(x)
        with tf.GradientTape(persistent=True) as tape:
            made = self.judge(self.maker(noise, training=True), training=True)
            real = self.judge(x, training=True)
            judged = ops.mean(ops.softplus(made)) + ops.mean(ops.softplus(-real))
            fooled = ops.mean(ops.softplus(-made))
        for network, optimizer, loss in zip(
            (self.judge, self.maker), self.both_of(), (judged, fooled), strict=True
        ):
            variables = network.trainable_variables
            optimizer.apply(tape.gradient(loss, variables), variables)
        return {"loss": judged}


def batches(step):
    while True:
        draw = np.random.default_rng(step)
        yield (draw.normal(size=(8, 5)).astype("float32"),)
        step += 1


def train(place, make, epochs, checkpoint=None):
    """Train from the beginning, or from where a checkpoint stands."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(3)
    model = Adversaries(place, make)
    model(*next(batches(0)))
    first = checkpoint.restore(model).epoch if checkpoint is not None else 0
    model.fit(
        batches(first * STEPS),
        steps_per_epoch=STEPS,
        initial_epoch=first,
        epochs=epochs,
        callbacks=[checkpoint] if checkpoint is not None else [],
        shuffle=False,
        verbose=0,
    )
    return model.get_weights()


def rows():
    pairs = [("AdaPNM", place) for place in PLACES]
    pairs += [(name, PLACES[0]) for name in MAKERS if name != "AdaPNM"]
    for number, (name, place) in enumerate(pairs):
        marks = [] if number == 0 else [pytest.mark.thorough]
        yield pytest.param(name, place, marks=marks, id=f"{name}, {place.__name__}")


@pytest.mark.parametrize(("name", "place"), rows())
def test_a_resumed_training_is_the_unbroken_one(name, place, tmp_path):
    make = MAKERS[name]
    whole = train(place, make, EPOCHS)
    folder = tmp_path / "checkpoint"
    train(place, make, EPOCHS // 2, callbacks.Checkpoint(folder))
    resumed = train(place, make, EPOCHS, callbacks.Checkpoint(folder))
    for ours, theirs in zip(resumed, whole, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("place", thorough_after(1, PLACES), ids=lambda p: p.__name__)
def test_other_optimizers_train_for_a_while_and_leave_no_trace(place):
    model = Adversaries(place, MAKERS["AdaPNM"])
    model.fit(batches(0), steps_per_epoch=STEPS, verbose=0)
    own = model.both_of()
    before = [[np.array(v) for v in optimizer.variables] for optimizer in own]
    with temporary_optimizers(model):
        others = model.both_of()
        model.fit(batches(1), steps_per_epoch=1, verbose=0)
        assert [int(optimizer.iterations) for optimizer in others] == [1, 1]
    assert all(a is b for a, b in zip(model.both_of(), own, strict=True))
    for optimizer, saved in zip(own, before, strict=True):
        for ours, theirs in zip(optimizer.variables, saved, strict=True):
            np.testing.assert_array_equal(ours, theirs)
