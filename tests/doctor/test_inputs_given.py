"""Every form in which samples can be handed over is read as the same samples."""

import itertools
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from kerasnorm.doctor import examine, preflight, prove
from kerasnorm.doctor.sampling.sample_batches import sample_batches
from tests.marks import thorough

COUNT, SIZE = 64, 32
# The shapes of a sample in each array: alike, and different.
SHAPES = {
    "one": [(3,)],
    "two alike": [(3,), (3,)],
    "two": [(3,), (2, 2)],
    "three": [(3,), (3,), (1,)],
}


def arrays(shapes, seed):
    draw = np.random.default_rng(seed)
    return [draw.normal(size=(COUNT, *shape)).astype("float32") for shape in shapes]


def nest(parts, form):
    if form == "array":
        return parts[0]
    if form == "dict":
        return dict(zip("abc", parts, strict=False))
    return tuple(parts) if form == "tuple" else list(parts)


def forms(shapes):
    return ("array", "list", "dict") if len(shapes) == 1 else ("tuple", "list", "dict")


def batches(parts):
    def pick(part, start):
        if isinstance(part, dict):
            return {key: pick(value, start) for key, value in part.items()}
        if isinstance(part, (list, tuple)):
            return type(part)(pick(value, start) for value in part)
        return part[start : start + SIZE]

    return [tuple(pick(part, start) for part in parts) for start in (0, SIZE)]


# How a source is made of its parts (x, y), of which the second may be missing.
WAYS = {
    "whole": lambda parts: tuple(parts),
    "list of batches": batches,
    "tuple of batches": lambda parts: tuple(batches(parts)),
    "generator": lambda parts: iter(batches(parts)),
    "batches as lists": lambda parts: [list(batch) for batch in batches(parts)],
    "whole, no weights": lambda parts: (*parts, None),
}
ROWS = [
    pytest.param(
        x, form, y, label_format, way, id=f"{x} {form}, {y} {label_format}, {way}"
    )
    for x, y, way in itertools.product(SHAPES, ["one", "two alike", "two"], WAYS)
    for form in forms(SHAPES[x])
    for label_format in forms(SHAPES[y])
]


@pytest.mark.parametrize(("x", "form", "y", "label_format", "way"), ROWS)
def test_every_form_gives_the_same_samples(x, form, y, label_format, way):
    inputs, labels = arrays(SHAPES[x], 1), arrays(SHAPES[y], 2)
    source = WAYS[way]([nest(inputs, form), nest(labels, label_format)])
    found = sample_batches(source, model=SimpleNamespace(inputs=inputs))
    check(found, inputs, labels)
    assert found.whole == way.startswith("whole")


def check(found, inputs, labels):
    for nested, parts in ((found.x, inputs), (found.y, labels)):
        ours = nested if isinstance(nested, np.ndarray) else None
        ours = [ours] if ours is not None else list(values(nested))
        assert len(ours) == len(parts)
        for one, part in zip(ours, parts, strict=True):
            np.testing.assert_array_equal(one, part)


def values(nested):
    return nested.values() if isinstance(nested, dict) else nested


@pytest.mark.parametrize("y", [[(3,), (3,)], [(1,)]], ids=["as many", "fewer"])
def test_whole_arrays_of_different_shapes_need_no_known_model(y):
    inputs, labels = arrays([(3,), (2,)], 1), arrays(y, 2)
    check(sample_batches((inputs, labels)), inputs, labels)


def test_lists_of_one_shape_are_batches_for_an_unknown_model():
    x, y = arrays([(3,), (1,)], 1)
    found = sample_batches(([x, y], [x, y]))
    assert found.sizes == (COUNT, COUNT) and not found.whole


X = [[0.5, 1.0], [1.5, 2.0], [2.5, 3.0]]
LISTS = {
    "whole": (X, [0, 1, 2]),
    "whole, array and list": (np.array(X), [0, 1, 2]),
    "whole, inputs in a dict": ({"a": X}, [0, 1, 2]),
    "batches": [(X[:2], [0, 1]), (X[2:], [2])],
    "batches as lists": [[X[:2], [0, 1]], [X[2:], [2]]],
    "batches in a tuple": ((X[:2], [0, 1]), (X[2:], [2])),
    "inputs alone": X,
    "arrays and lists": [(np.array(X), [0, 1, 2])],
}


@pytest.mark.parametrize("name", LISTS)
def test_lists_of_numbers_are_arrays(name):
    found = sample_batches(LISTS[name])
    x = found.x["a"] if isinstance(found.x, dict) else found.x
    np.testing.assert_array_equal(x, X)
    if name == "inputs alone":
        assert found.y is None
    else:
        np.testing.assert_array_equal(found.y, [0, 1, 2])


def test_lists_of_strings_are_arrays():
    found = sample_batches((["a cat", "a dog"], [0, 1]))
    assert found.x.tolist() == ["a cat", "a dog"]


WRONG = {
    "rows of differing lengths": ([[1.0, 2.0], [3.0]], [0, 1]),
    "gaps": ([1.0, None], [0, 1]),
    "in batches": [([[1.0, 2.0], [3.0]], [0, 1])],
    "numbers for batches": (0.5, 1.0),
    "a number for labels": [(np.zeros((2, 2)), 1.0)],
    "a generator of numbers": iter([0.5, 1.0]),
}


@pytest.mark.parametrize("name", WRONG)
def test_other_lists_are_refused_in_a_sentence(name):
    with pytest.raises((TypeError, ValueError), match=r"expected (arrays|lists) of"):
        sample_batches(WRONG[name])


def two_of_each():
    """Return a model of two inputs and two outputs, each of the same shape."""
    ends = [keras.Input((3,), name="a"), keras.Input((3,), name="b")]
    hidden = keras.layers.BatchNormalization()(keras.layers.Concatenate()(ends))
    outputs = [keras.layers.Dense(3, name=name)(hidden) for name in "cd"]
    model = keras.Model(ends, outputs)
    model.compile("adam", ["mse", "mae"], jit_compile=False)
    return model


@pytest.mark.thorough
def test_whole_arrays_of_several_inputs_are_examined():
    model, shapes = two_of_each(), SHAPES["two alike"]
    data = arrays(shapes, 1), arrays(shapes, 2)
    loss = model.evaluate(*data, verbose=0, return_dict=True)["loss"]
    found = examine(model, data, data, thorough=False)
    assert found.losses["B"] == pytest.approx(loss, rel=1e-5)
    found, same = (preflight(model, source) for source in (data, batches(data)))
    assert [f.code for f in found.findings] == [f.code for f in same.findings]
    assert prove(model, data, data).before.losses["B"] == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("x", [X[:2], np.array(X)], ids=["numbers", "one array"])
def test_too_few_inputs_are_refused(x):
    model = two_of_each()
    for source in ((x, np.zeros(len(x))), [(x, np.zeros(len(x)))]):
        with pytest.raises(ValueError, match="expected 2 arrays of inputs"):
            examine(model, source)


@pytest.mark.backends
@pytest.mark.parametrize("workers", [0, thorough(2)])
@pytest.mark.parametrize("labelled", [True, False])
def test_loaders_of_torch_are_read(labelled, workers):
    torch = pytest.importorskip("torch")
    inputs, labels = arrays([(3,)], 1)[0], arrays([(1,)], 2)[0]
    parts = [torch.from_numpy(part) for part in (inputs, labels)[: 1 + labelled]]
    data = torch.utils.data.TensorDataset(*parts)
    loader = torch.utils.data.DataLoader(data, batch_size=SIZE, num_workers=workers)
    found = sample_batches(loader)
    np.testing.assert_array_equal(found.x, inputs)
    assert found.sizes == (SIZE, SIZE) and found.num_batches == 2
    if labelled:
        np.testing.assert_array_equal(found.y, labels)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse", jit_compile=False)
        loss = model.evaluate(loader, verbose=0)
        examined = examine(model, loader, loader, thorough=False)
        assert examined.losses["D"] == pytest.approx(loss, rel=1e-5)
        assert preflight(model, loader).losses["start"] == pytest.approx(loss, rel=1e-5)
    else:
        assert found.y is None
