"""What optimizers take as a unit in every Keras layer that has weights."""

import inspect

import numpy as np
import pytest
from keras import layers

from kerasnorm.inspection import layer_tree
from kerasnorm.optimizers import gradients
from tests.optimizers import harness

# For each trainable variable, by its name, the axes of a unit.
RECURRENT = {"kernel": (0,), "recurrent_kernel": (0,), "bias": None}
AFFINE = {"gamma": None, "beta": None}
PROJECTIONS = {"kernel": [(0,), (0,), (0,), (0, 1)], "bias": None}
ROWS = {
    "Embedding": (lambda: layers.Embedding(9, 4), [(5,)], {"embeddings": (1,)}),
    "ReversibleEmbedding": (
        lambda: layers.ReversibleEmbedding(9, 4, tie_weights=False),
        [(5,)],
        {"embeddings": (1,), "reverse_embeddings": (0,)},
    ),
    "SimpleRNN": (lambda: layers.SimpleRNN(3), [(4, 2)], RECURRENT),
    "LSTM": (lambda: layers.LSTM(3), [(4, 2)], RECURRENT),
    "GRU": (lambda: layers.GRU(3), [(4, 2)], RECURRENT),
    "ConvLSTM1D": (
        lambda: layers.ConvLSTM1D(2, 3),
        [(2, 6, 2)],
        {"kernel": (0, 1), "recurrent_kernel": (0, 1), "bias": None},
    ),
    "ConvLSTM2D": (
        lambda: layers.ConvLSTM2D(2, 3),
        [(2, 6, 6, 2)],
        {"kernel": (0, 1, 2), "recurrent_kernel": (0, 1, 2), "bias": None},
    ),
    "ConvLSTM3D": (
        lambda: layers.ConvLSTM3D(2, 2),
        [(2, 4, 4, 4, 2)],
        {"kernel": (0, 1, 2, 3), "recurrent_kernel": (0, 1, 2, 3), "bias": None},
    ),
    "MultiHeadAttention": (
        lambda: layers.MultiHeadAttention(2, 3),
        [(4, 6), (4, 6)],
        PROJECTIONS,
    ),
    "GroupQueryAttention": (
        lambda: layers.GroupQueryAttention(3, 4, 2),
        [(4, 6), (4, 6)],
        PROJECTIONS,
    ),
    "Attention": (
        lambda: layers.Attention(use_scale=True, score_mode="concat"),
        None,
        {"scale": None, "concat_score_weight": None},
    ),
    "AdditiveAttention": (layers.AdditiveAttention, None, {"scale": None}),
    "BatchNormalization": (layers.BatchNormalization, [(4, 6)], AFFINE),
    "LayerNormalization": (
        lambda: layers.LayerNormalization(axis=(1, 2)),
        [(4, 6)],
        AFFINE,
    ),
    "GroupNormalization": (lambda: layers.GroupNormalization(2), [(4, 6)], AFFINE),
    "RMSNormalization": (layers.RMSNormalization, [(4, 6)], {"scale": None}),
    "PReLU": (layers.PReLU, [(4, 6)], {"alpha": None}),
    "EinsumDense": (
        lambda: layers.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de"),
        [(4, 5)],
        {"kernel": (0,), "bias": None},
    ),
}

# Their weights are those of a layer inside, fixed, or of foreign code.
OTHERS = {
    "JaxLayer",
    "Normalization",
    "RNN",
    "SpectralNormalization",
    "STFTSpectrogram",
    "TFSMLayer",
}


def called(name):
    make, shapes, axes = ROWS[name]
    layer = make()
    generator = np.random.default_rng(0)
    if shapes is None:
        inputs = [[generator.normal(size=(2, 4, 6)).astype("float32")] * 2]
    else:
        inputs = [generator.integers(1, 8, (2, *shape)) for shape in shapes]
        if "Embedding" not in name:
            inputs = [array.astype("float32") for array in inputs]
    layer(*inputs)
    return layer, axes


@pytest.mark.backends
@pytest.mark.parametrize("name", ROWS)
def test_units_are_rows_of_weights_with_one_output(name):
    layer, expected = called(name)
    found = {}
    variables = layer.trainable_variables
    for variable, axes in zip(
        variables, gradients.unit_axes_of(variables), strict=True
    ):
        found.setdefault(variable.name, []).append(axes)
    for key, axes in found.items():
        wanted = expected[key]
        listed = wanted if isinstance(wanted, list) else [wanted] * len(axes)
        assert axes == listed, key
    assert set(found) == set(expected)


def test_every_keras_layer_with_weights_of_its_own_has_a_row():
    held = set()
    for name in ROWS:
        layer, _ = called(name)
        held |= {type(layer)} | {type(x) for _, x in layer_tree.iter_layers(layer)}
    held |= {type(make()) for make, *_ in harness.LAYERS.values()}
    public = {
        cls
        for cls in vars(layers).values()
        if inspect.isclass(cls) and issubclass(cls, layers.Layer)
    }
    missing = {
        cls.__name__
        for cls in public - held
        if "add_weight(" in inspect.getsource(cls) and cls is not layers.Layer
    }
    assert missing <= OTHERS
