"""Every layer against every clause of its contract; rows are in tests/contract.py."""

import json

import keras
import numpy as np
import pytest

from kerasnorm import layers
from tests import contract
from tests.layers.differentiate import numpy, outputs_and_gradients
from tests.marks import thorough, thorough_after
from tests.reference import differences

BACKEND = keras.backend.backend()
STEP = 1e-4
SHAPE = (4, 4, 5, 6)

# A norm of single numbers says that it returns beta; the one-pixel rows ask for that.
pytestmark = pytest.mark.filterwarnings("ignore:.*returns `beta` whatever")

# The first row of every layer, and then all others.
LEADING = {row.name.split(",")[0]: row for row in reversed(contract.ROWS)}
every_row = pytest.mark.parametrize("row", contract.ROWS, ids=lambda row: row.name)
leading_rows = pytest.mark.parametrize(
    "row",
    [row if row in LEADING.values() else thorough(row) for row in contract.ROWS],
    ids=lambda row: row.name,
)
# For what takes a second a row: one of each way to compute.
FEW = [LEADING[name] for name in ("GroupNorm", "FilterResponseNorm", "ScaledWSConv2D")]
few_rows = pytest.mark.parametrize(
    "row",
    [row if row in FEW else thorough(row) for row in contract.ROWS],
    ids=lambda row: row.name,
)


def test_every_public_layer_has_a_row():
    public = {
        name
        for name in layers.__all__
        if isinstance(kind := getattr(layers, name), type)
        and issubclass(kind, keras.layers.Layer)
    }
    assert public == set(LEADING)


def drawn(shape, offset=0.5, scale=1.0):
    """Return random numbers of a shape, seeded."""
    numbers = np.random.default_rng(7).normal(size=shape)
    return (offset + scale * numbers).astype("float32")


def built(row, shape, **kwargs):
    """Return the row's layer with weights that are far from their initial values."""
    layer = row.make(shape[row_axis(row, kwargs)], **kwargs)
    layer.build(shape)
    rng = np.random.default_rng(11)
    for weight in layer.weights:
        if "seed" in weight.path:
            continue
        start = 0.0 if "kernel" in weight.path else numpy(weight)
        value = start + 0.3 * rng.normal(size=weight.shape)
        weight.assign(np.abs(value) if "variance" in weight.name else value)
    return layer


def row_axis(row, kwargs):
    return 1 if kwargs and kwargs == row.channels_first else -1


def dy_like(layer, x):
    """Return random numbers of the shape of the layer's outputs."""
    shape = layer.compute_output_shape(x.shape)
    return np.random.default_rng(13).normal(size=shape).astype("float32")


def relative_error(ours, truth, terms=0.0):
    """Largest difference, in units of the largest number or of the terms it sums."""
    scale = max(np.max(np.abs(truth), initial=0.0), terms)
    return np.max(np.abs(ours - truth), initial=0.0) / (scale or 1.0)


CASES = [
    pytest.param(
        row,
        key,
        id=f"{row.name}, {key}",
        marks=() if row in LEADING.values() else pytest.mark.thorough,
    )
    for row in contract.ROWS
    for key in row.inputs
]


@pytest.mark.backends
@pytest.mark.parametrize(("row", "key"), CASES)
def test_outputs_and_gradients_equal_the_literal_truth(row, key):
    shape, offset, scale = row.inputs[key]
    layer = built(row, shape)
    weights = contract.weights_of(layer)
    trained = [w.path.removeprefix(f"{layer.name}/") for w in layer.trainable_weights]
    x = drawn(shape, offset, scale)
    truth, slope = row.truth(x.astype("float64"), weights)
    dy = np.random.default_rng(13).normal(size=truth.shape).astype("float32")

    def loss(x, *values):
        given = weights | dict(zip(trained, values, strict=True))
        return np.sum(row.truth(x * scale, given)[0] * dy)

    (chosen, dx), *d_weights = differences.gradients(
        loss, [x.astype("float64") / scale, *(weights[k] for k in trained)], STEP
    )
    y, *ours = outputs_and_gradients(layer, x, dy, **row.call)
    assert relative_error(y, truth) < 1e-5
    terms = 0.0 if slope is None else np.max(np.abs(slope)) * np.max(np.abs(dy))
    assert relative_error(ours[0].reshape(-1)[chosen], dx / scale, terms) < 1e-5
    for name, one, (chosen, expected) in zip(trained, ours[1:], d_weights, strict=True):
        # What is below 1e-2 is the difference of numbers near 1.
        assert relative_error(one.reshape(-1)[chosen], expected, 1e-2) < 1e-5, name


@pytest.mark.backends
@every_row
def test_channels_first_is_channels_last_with_the_axes_moved(row):
    if row.channels_first is None:
        pytest.skip("the layer knows no channels")
    shape = SHAPE[:1] + SHAPE[-1:] + SHAPE[1:-1]
    last, first = built(row, SHAPE), built(row, shape, **row.channels_first)
    for ours, theirs in zip(first.weights, last.weights, strict=True):
        ours.assign(theirs)
    x = drawn(SHAPE)
    y, dx, *d_weights = outputs_and_gradients(
        last, x, dy := dy_like(last, x), **row.call
    )
    moved = [np.moveaxis(array, -1, 1) for array in (x, dy)]
    first_y, first_dx, *first_d = outputs_and_gradients(first, *moved, **row.call)
    assert relative_error(np.moveaxis(first_y, 1, -1), y) < 1e-5
    assert relative_error(np.moveaxis(first_dx, 1, -1), dx) < 1e-5
    for ours, theirs in zip(first_d, d_weights, strict=True):
        assert relative_error(ours, theirs) < 1e-5


@pytest.mark.backends
@few_rows
def test_batch_and_pixels_may_be_unknown_when_the_layer_is_built(row):
    layer = row.make(6)
    inputs = keras.Input((None, None, 6))
    model = keras.Model(inputs, layer(inputs))
    assert model.output_shape[:3] == (None, None, None)
    run = with_unknown_sizes(layer, row.call)
    for shape in (SHAPE, (2, 17, 3, 6)):
        known = row.make(6)
        known.build(shape)
        known.set_weights([numpy(weight) for weight in layer.weights])
        x = drawn(shape)
        expected = numpy(known(x, **row.call))
        assert relative_error(numpy(run(x)), expected) < 1e-5


def with_unknown_sizes(layer, call):
    """Return the call of the layer, on TensorFlow traced for images of any size."""
    if BACKEND != "tensorflow":
        return lambda x: layer(x, **call)
    import tensorflow as tf

    return tf.function(
        lambda x: layer(x, **call),
        input_signature=[tf.TensorSpec((None, None, None, SHAPE[-1]))],
        autograph=False,
    )


@pytest.mark.backends
@leading_rows
@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_mixed_precision_neither_overflows_nor_loses_the_statistics(row, half):
    mixed = built(row, SHAPE, dtype=f"mixed_{half}")
    full = built(row, SHAPE)
    tolerance = {"float16": 4e-3, "bfloat16": 3e-2}[half]
    # Quarters times a power of two are the same number in every precision. The largest
    # float16 is 65504: the squares of the scaled ones would be infinite.
    x = np.clip(np.round(4 * drawn(SHAPE)) / 4, -3.5, 3.5)
    x[0, 0, 0, 0] = 3.5
    if "Norm" in row.name and row.call != contract.INFERENCE:
        x = x * 2.0**14
    dy = np.round(4 * dy_like(full, x)) / 4
    expected = outputs_and_gradients(full, x, dy, **row.call)
    ours = outputs_and_gradients(mixed, x, dy, **row.call)
    assert keras.backend.standardize_dtype(mixed(x, **row.call).dtype) == half
    for weight in mixed.trainable_weights:
        assert weight.dtype == "float32"
    for place, (one, other) in enumerate(zip(ours, expected, strict=True)):
        assert np.all(np.isfinite(one.astype("float32")))
        # The gradients of weights are sums of rounded numbers near 1.
        terms = 1.0 if place > 1 else 0.0
        assert relative_error(one.astype("float32"), other, terms) < tolerance


@pytest.mark.backends
@few_rows
def test_compiled_equals_eager(row):
    if BACKEND == "torch":
        pytest.skip("Keras does not compile on this backend by itself")
    eager, compiled = built(row, SHAPE), built(row, SHAPE)
    x = drawn(SHAPE)
    dy = dy_like(eager, x)
    expected = outputs_and_gradients(eager, x, dy, **row.call)
    ours = outputs_and_gradients(compiled, x, dy, jit_compile=True, **row.call)
    for one, other in zip(ours, expected, strict=True):
        assert relative_error(one, other, 1e-2) < 1e-5


@pytest.mark.backends
@every_row
def test_same_config_before_and_after_build_and_again_from_config(row):
    layer = row.make(6)
    before = json.dumps(layer.get_config(), sort_keys=True)
    layer.build(SHAPE)
    layer(drawn(SHAPE), **row.call)
    assert json.dumps(layer.get_config(), sort_keys=True) == before
    again = type(layer).from_config(layer.get_config())
    assert json.dumps(again.get_config(), sort_keys=True) == before


@pytest.mark.backends
@every_row
def test_save_and_load_keep_outputs_and_config(row, tmp_path):
    layer = built(row, SHAPE)
    model = keras.Sequential([keras.Input(SHAPE[1:]), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x = drawn(SHAPE)
    assert np.array_equal(numpy(loaded(x)), numpy(model(x)))
    assert loaded.layers[-1].get_config() == layer.get_config()


@pytest.mark.backends
@every_row
def test_clone_has_the_same_config_and_takes_the_weights(row):
    model = keras.Sequential([keras.Input(SHAPE[1:]), built(row, SHAPE)])
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    x = drawn(SHAPE)
    assert np.array_equal(numpy(clone(x)), numpy(model(x)))
    assert clone.layers[-1].get_config() == model.layers[-1].get_config()


@few_rows
def test_exported_model_gives_the_same_outputs(row, tmp_path):
    tensorflow = pytest.importorskip("tensorflow")
    if BACKEND != "tensorflow":
        pytest.skip("the exported format is TensorFlow's")
    model = keras.Sequential([keras.Input((None, None, 6)), row.make(6)])
    model.export(tmp_path / "model", verbose=False)
    # Held by a name: the signature alone does not keep its variables alive.
    loaded = tensorflow.saved_model.load(str(tmp_path / "model"))
    x = drawn(SHAPE)
    assert relative_error(numpy(loaded.serve(x)), numpy(model(x))) < 1e-6


# Every layer eagerly; to trace and compile them takes a second a layer.
WAYS = {
    "eager": (contract.ROWS, {"run_eagerly": True, "jit_compile": False}),
    "graph": (FEW, {"jit_compile": False}),
    "compiled": (FEW, {"jit_compile": True}),
}


@pytest.mark.backends
@pytest.mark.parametrize("way", thorough_after(1, WAYS))
def test_fit_trains_every_weight_of_every_layer(way):
    if BACKEND == "torch" and way == "compiled":
        pytest.skip("Keras' compilation on torch needs a C++ compiler")
    rows, options = WAYS[way]
    inputs = keras.Input(SHAPE[1:])
    trained = [row.make(6) for row in rows]
    pool = keras.layers.GlobalAveragePooling2D
    branches = [pool()(keras.ops.sin(layer(inputs))) for layer in trained]
    outputs = keras.layers.Dense(1)(keras.layers.Concatenate()(branches))
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "mse", **options)
    before = [[numpy(w) for w in layer.trainable_weights] for layer in trained]
    x = drawn((8, *SHAPE[1:]))
    # The last batch is smaller.
    history = model.fit(x, x[:, 0, 0, :1], batch_size=5, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    for layer, old in zip(trained, before, strict=True):
        for weight, value in zip(layer.trainable_weights, old, strict=True):
            assert not np.array_equal(numpy(weight), value), weight.path


RAGGED_OR_SPARSE = {
    "ragged": lambda tf, x: tf.RaggedTensor.from_tensor(x),
    "sparse": lambda tf, x: tf.sparse.from_dense(x),
}
NORM_ROWS = [row for row in LEADING.values() if row.inputs is contract.NORM_INPUTS]


@pytest.mark.parametrize("kind", RAGGED_OR_SPARSE)
@pytest.mark.parametrize("row", NORM_ROWS, ids=lambda row: row.name)
def test_ragged_and_sparse_inputs_are_named(row, kind):
    tensorflow = pytest.importorskip("tensorflow")
    if row.channels_first is None or BACKEND != "tensorflow":
        pytest.skip("takes them, or there are none")
    layer, x = built(row, SHAPE), RAGGED_OR_SPARSE[kind](tensorflow, drawn(SHAPE))
    with pytest.raises(ValueError, match=f"Expected a dense tensor.*a {kind} tensor"):
        layer(x, **row.call)


WRONG = [
    pytest.param(row, kwargs, message, id=f"{row.name}, {kwargs}")
    for row in contract.ROWS
    for kwargs, message in row.wrong
]


@pytest.mark.parametrize(("row", "kwargs", "message"), WRONG)
def test_wrong_arguments_are_refused_with_expected_received_and_mend(
    row, kwargs, message
):
    with pytest.raises(ValueError, match=f"(?s){message}") as caught:
        row.make(6, **kwargs).build((2, 4, 4, 6))
    assert "Expected" in str(caught.value)
    assert "Received" in str(caught.value)


@every_row
def test_unknown_keywords_are_refused(row):
    with pytest.raises((TypeError, ValueError), match="colour"):
        row.make(6, colour="red")


@every_row
def test_unknown_number_of_channels_is_refused(row):
    if row.channels_first is None:
        pytest.skip("the layer knows no channels")
    with pytest.raises((TypeError, ValueError), match=r"channel|None"):
        row.make(6).build((None, 4, 4, None))
