"""Surgery on graph models that lie inside layers, wrappers and subclassed models."""

import keras
import numpy as np
import pytest

from kerasnorm import surgery
from tests.surgery.helpers import images, infer, kinds, numbers, shake

pytestmark = pytest.mark.backends
SIZE = (6, 6, 3)


def stack():
    return [
        keras.layers.Conv2D(4, 3, name="conv"),
        keras.layers.BatchNormalization(name="bn"),
        keras.layers.ReLU(name="relu"),
        keras.layers.GlobalAveragePooling2D(name="pool"),
    ]


def sequential():
    return keras.Sequential([keras.Input(SIZE), *stack()])


def functional():
    x = inputs = keras.Input(SIZE)
    for layer in stack():
        x = layer(x)
    return keras.Model(inputs, x)


def nested():
    inputs = keras.Input(SIZE)
    return keras.Model(inputs, functional()(inputs))


GRAPHS = {"sequential": sequential, "functional": functional, "nested": nested}


class Holder(keras.Model):
    """A class of a user, which nobody registered, around a graph."""

    def __init__(self, graph, where, **kwargs):
        super().__init__(**kwargs)
        self.graph, self.where = graph, where
        made = GRAPHS[graph]()
        self.held = {"attribute": made, "list": [made], "dict": {"of": made}}[where]
        self.head = keras.layers.Dense(2)

    def call(self, inputs, training=False):
        held = self.held
        if self.where != "attribute":
            held = held[0] if self.where == "list" else held["of"]
        return self.head(held(inputs, training=training))

    def get_config(self):
        return {**super().get_config(), "graph": self.graph, "where": self.where}


class Twice(keras.Model):
    """Holds a graph, and one of its layers for itself, which it calls as well."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.graph = sequential()
        self.norm = self.graph.get_layer("bn")

    def call(self, inputs, training=False):
        wide = keras.ops.tile(inputs[..., :1], [1, 1, 1, 4])
        return self.graph(inputs) + keras.ops.mean(self.norm(wide), axis=(1, 2))


class Held(keras.layers.Layer):
    def __init__(self, graph, **kwargs):
        super().__init__(**kwargs)
        self.graph = graph
        self.inner = GRAPHS[graph]()

    def call(self, inputs, training=False):
        return self.inner(inputs, training=training)

    def compute_output_shape(self, input_shape):
        return self.inner.compute_output_shape(input_shape)

    def get_config(self):
        return {**super().get_config(), "graph": self.graph}


def video(graph):
    inputs = keras.Input((2, *SIZE))
    return keras.Model(inputs, keras.layers.TimeDistributed(GRAPHS[graph]())(inputs))


def video_of_a_subclass(graph):
    inputs = keras.Input((2, *SIZE))
    wrapped = keras.layers.TimeDistributed(Held(graph))
    return keras.Model(inputs, wrapped(inputs))


def in_a_layer(graph):
    inputs = keras.Input(SIZE)
    return keras.Model(inputs, Held(graph)(inputs))


HOLDERS = {
    "attribute": lambda graph: Holder(graph, "attribute"),
    "list": lambda graph: Holder(graph, "list"),
    "dict": lambda graph: Holder(graph, "dict"),
    "layer": in_a_layer,
    "wrapper": video,
    "wrapped layer": video_of_a_subclass,
}
CASES = [
    pytest.param(
        holder,
        graph,
        id=f"{holder}, {graph}",
        marks=()
        if (holder, graph) in [("attribute", "sequential"), ("wrapper", "functional")]
        else pytest.mark.thorough,
    )
    for holder in HOLDERS
    for graph in GRAPHS
]


def inputs_of(holder):
    batch = images(4, 6)
    return batch.reshape(2, 2, *SIZE) if holder.startswith("wrap") else batch


def built(holder, graph):
    model = HOLDERS[holder](graph)
    model(inputs_of(holder))
    return shake(model)


def literal(model, x, norm):
    """Compute the stack from the weights, with a function for its norm."""
    by_name = {weight.path.split("/")[-1]: numbers(weight) for weight in model.weights}
    kernels = [numbers(w) for w in model.weights if w.name == "kernel"]
    bias = next(numbers(w) for w in model.weights if len(w.shape) == 1)
    images = x.reshape(-1, *SIZE)
    windows = np.lib.stride_tricks.sliding_window_view(images, (3, 3), axis=(1, 2))
    y = np.einsum("nijcyx,yxcf->nijf", windows, kernels[0]) + bias
    y = norm(y) * by_name["gamma"] + by_name["beta"]
    return np.maximum(y, 0).mean(axis=(1, 2)), kernels[1:]


def whole(y):
    axes = (1, 2, 3)
    return (y - y.mean(axes, keepdims=True)) / np.sqrt(
        y.var(axes, keepdims=True) + 1e-5
    )


@pytest.mark.parametrize(("holder", "graph"), CASES)
def test_norms_in_graphs_are_swapped_wherever_the_graph_is(holder, graph):
    model, x = built(holder, graph), inputs_of(holder)
    before = infer(model, x)
    new, report = surgery.swap_norm(model, "layer", batch=x)
    assert kinds(new) == ["layer"] and len(report.swaps) == 1
    assert not any("moving" in weight.path for weight in new.weights)
    expected, heads = literal(model, x, whole)
    if heads:
        expected = expected @ heads[0] + numbers(model.head.bias)
    assert np.allclose(infer(new, x), expected.reshape(before.shape), atol=1e-4)
    assert np.array_equal(infer(model, x), before)


@pytest.mark.parametrize(("holder", "graph"), CASES)
def test_graphs_are_folded_wherever_they_are(holder, graph):
    model, x = built(holder, graph), inputs_of(holder)
    new = surgery.fold_batch_norm(model, batch=x)
    assert kinds(new) == []
    assert np.allclose(infer(new, x), infer(model, x), atol=1e-5)


def test_frn_takes_a_relu_over_inside_a_wrapper():
    new, report = surgery.swap_norm(built("wrapper", "functional"), "frn")
    assert report.swaps[0].absorbed == "relu"
    assert np.isfinite(infer(new, inputs_of("wrapper"))).all()


def test_what_is_shared_with_a_graph_stays_shared():
    model = Twice()
    model(images(4, 6))
    new, report = surgery.swap_norm(shake(model), "layer", batch=images(4, 6))
    assert len(report.swaps) == 1
    assert new.norm is new.graph.get_layer("bn")
    assert kinds(new) == ["layer"]


def test_a_shared_norm_is_not_folded():
    model = Twice()
    model(images(4, 6))
    shake(model)
    new = surgery.fold_batch_norm(model, batch=images(4, 6))
    assert kinds(new) == ["batch"]


def test_a_wrapper_around_a_graph_is_saved_and_loaded(tmp_path):
    new, report = surgery.swap_norm(built("wrapper", "functional"), "group")
    assert report.restorable
    new.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    x = inputs_of("wrapper")
    assert np.allclose(infer(loaded, x), infer(new, x), atol=1e-6)


@pytest.mark.parametrize("to", ["batch_renorm", "group"])
def test_a_class_that_makes_its_graph_itself_cannot_be_restored(to):
    _, report = surgery.swap_norm(built("attribute", "sequential"), to)
    assert not report.restorable
