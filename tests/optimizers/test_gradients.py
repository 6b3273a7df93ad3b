import keras
import numpy as np
import pytest
from keras import layers

from kerasnorm.optimizers import gradients
from tests.optimizers import harness
from tests.reference import unit_gradients

KIND_AXES = {
    kind: tuple(axis for axis in range(ndim) if axis not in numbering)
    for kind, ndim, numbering in [
        ("dense", 2, (1,)),
        ("conv1d", 3, (2,)),
        ("conv2d", 4, (3,)),
        ("conv3d", 5, (4,)),
        ("depthwise1d", 3, (1, 2)),
        ("depthwise2d", 4, (2, 3)),
        ("transposed1d", 3, (1,)),
        ("transposed2d", 4, (2,)),
        ("transposed3d", 5, (3,)),
    ]
} | {"vector": None}


def shape_of(kind):
    ndim = len(KIND_AXES[kind] or ()) + len(unit_gradients.UNIT_INDEX[kind])
    return (2, 3, 4, 2, 3)[: max(ndim, 1)]


@pytest.mark.backends
@pytest.mark.parametrize("name", harness.LAYERS)
def test_units_come_from_the_layer(name):
    _layers, variables, kinds = harness.make_variables([name])
    assert gradients.unit_axes_of(variables) == [KIND_AXES[kind] for kind in kinds]


@pytest.mark.backends
def test_einsum_dense_sums_over_the_axes_its_equation_drops():
    layer = layers.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3))
    layer.build((None, 4, 5))
    assert gradients.unit_axes_of([layer.kernel]) == [(0,)]


def test_units_are_found_in_nested_and_reloaded_models(tmp_path):
    inner = keras.Sequential(
        [keras.Input((6, 6, 3)), layers.DepthwiseConv2D(3, name="a")], name="b"
    )
    model = keras.Sequential(
        [keras.Input((6, 6, 3)), inner, layers.Conv2DTranspose(2, 3)]
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert gradients.unit_axes_of(loaded.trainable_variables) == [
        (0, 1),
        None,
        (0, 1, 3),
        None,
    ]


@pytest.mark.parametrize(
    ("name", "shape", "axes"),
    [
        ("kernel", (3, 3, 2, 4), (0, 1, 2)),
        ("depthwise_kernel", (3, 3, 2, 4), (0, 1)),
        ("kernel", (1, 4), (0,)),
        ("table", (5, 4), (0,)),
        ("scale", (1, 1, 1, 4), None),
        ("bias", (4,), None),
        ("scalar", (), None),
    ],
)
def test_a_variable_without_layer_is_judged_by_name_and_shape(name, shape, axes):
    variable = keras.Variable(np.zeros(shape, "float32"), name=name)
    assert gradients.unit_axes_of([variable]) == [axes]


@pytest.mark.backends
@pytest.mark.parametrize("kind", KIND_AXES)
def test_clipping_equals_the_reference(kind):
    generator = np.random.default_rng(0)
    shape = shape_of(kind)
    weights = generator.standard_normal(shape).astype("float32")
    gradient = generator.standard_normal(shape).astype("float32") * 0.3
    expected = unit_gradients.clip(gradient, weights, kind, 0.25, 1e-3)
    clipped, _ = gradients.clip_units(
        keras.ops.convert_to_tensor(gradient), weights, KIND_AXES[kind], 0.25, 1e-3
    )
    np.testing.assert_allclose(clipped, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.backends
@pytest.mark.parametrize("kind", KIND_AXES)
def test_centralizing_equals_the_reference(kind):
    generator = np.random.default_rng(0)
    shape = shape_of(kind)
    gradient = generator.standard_normal(shape).astype("float32") + 1.0
    centralized = gradients.centralize(
        keras.ops.convert_to_tensor(gradient), KIND_AXES[kind]
    )
    expected = unit_gradients.centralize(gradient, kind)
    np.testing.assert_allclose(centralized, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.backends
def test_a_zero_gradient_stays_zero():
    zeros = keras.ops.zeros((3, 2))
    clipped, was_clipped = gradients.clip_units(zeros, zeros, (0,), 0.01, 1e-3)
    assert not np.any(keras.ops.convert_to_numpy(clipped))
    assert not np.any(keras.ops.convert_to_numpy(was_clipped))


@pytest.mark.backends
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_norms_of_half_precision_do_not_overflow(dtype):
    tensor = keras.ops.cast(keras.ops.full((10000, 1), 100.0), dtype)
    norm = keras.ops.convert_to_numpy(gradients.unit_norm(tensor, (0,)))
    np.testing.assert_allclose(norm, [[10000.0]], rtol=1e-2)


@pytest.mark.parametrize(
    ("shape", "axes", "count"), [((3, 3, 2, 4), (0, 1), 8), ((5,), None, 1)]
)
def test_units_are_counted(shape, axes, count):
    assert gradients.units_in(shape, axes) == count
