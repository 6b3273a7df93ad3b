import keras
import numpy as np
import pytest

from kerasnorm.layers import SkipInit
from kerasnorm.models import nf_resnet, nfnet
from kerasnorm.models.variance import activation_gain
from tests.models.building import parameters, train

# The exact counts behind the paper's 71.5, 132.6, 193.8, 254.9, 316.1, 377.2 million.
SIZES = [
    ("F0", 71_489_284),
    pytest.param("F1", 132_634_256, marks=pytest.mark.thorough),
    pytest.param("F2", 193_779_228, marks=pytest.mark.slow),
    pytest.param("F3", 254_924_200, marks=pytest.mark.slow),
    pytest.param("F4", 316_069_172, marks=pytest.mark.slow),
    pytest.param("F5", 377_214_144, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("variant", "expected"), SIZES)
def test_nfnets_have_the_published_size(variant, expected):
    assert parameters(lambda: nfnet((192, 192, 3), 1000, variant)) == expected


def test_nf_resnet50_has_the_size_of_resnet50_without_its_norms():
    # Gain and bias of each convolution stand for gamma and beta; 16 learned scalars.
    assert parameters(lambda: nf_resnet((224, 224, 3), 1000)) == 25_557_032 + 16


def stream_and_branches(size, **options):
    """Measure mean channel variances behind each addition and of each branch."""
    model = nf_resnet((size, size, 3), 10, **options)
    for layer in model.layers:
        if isinstance(layer, SkipInit):
            layer.gain.assign(1.0)
    additions = [x.output for x in model.layers if x.name.endswith("_add")]
    branches = [x.input for x in model.layers if isinstance(x, SkipInit)]
    x = np.random.default_rng(0).normal(127.5, 64, (4, size, size, 3))
    outputs = keras.Model(model.input, [additions, branches])(x.astype("float32"))

    def variances(maps):
        maps = [keras.ops.convert_to_numpy(m) for m in maps]
        return np.array([np.mean(np.var(m, axis=(0, 1, 2))) for m in maps])

    return variances(outputs[0]), variances(outputs[1])


@pytest.mark.backends
def test_signal_propagation_follows_the_bookkeeping():
    stream, branches = stream_and_branches(128)
    expected = [1 + 0.04 * (n + 1) for depth in (3, 4, 6, 3) for n in range(depth)]
    # The band of the paper's plots: predicted and measured lie on each other but for
    # the borders, whose zeros take some variance from small maps.
    assert np.all(np.abs(stream / expected - 1) < 0.12)
    assert np.all((branches > 0.65) & (branches < 1.15))


# Sample estimates printed in the papers' code.
@pytest.mark.backends
@pytest.mark.parametrize(
    ("activation", "published"),
    [
        ("relu", 1.7139588594436646),
        ("silu", 1.7881293296813965),
        ("gelu", 1.7015043497085571),
        ("tanh", 1.5939117670059204),
        ("elu", 1.2716004848480225),
        ("selu", 1.0008515119552612),
        ("linear", 1.0),
    ],
)
def test_activation_gains_agree_with_the_published(activation, published):
    assert abs(activation_gain(activation) / published - 1) < 1e-3


def test_relu_gain_is_the_exact_integral():
    assert abs(activation_gain("relu") - np.sqrt(2 / (1 - 1 / np.pi))) < 1e-6


@pytest.mark.thorough
def test_beta_begins_anew_behind_each_transition():
    with keras.StatelessScope(initialize_variables=False):
        model = nf_resnet((64, 64, 3), 10)
    keras.utils.clear_session()
    entries = [
        layer.scale / activation_gain("relu")
        for layer in model.layers
        if isinstance(layer, keras.layers.Rescaling)
    ]
    # Standardization, then for each block the entry and two inner activations.
    betas = entries[1::3][:6]
    expected = [1, 1.04, 1.08, 1.12, 1.04, 1.08]
    assert np.allclose(betas, np.power(expected, -0.5))


@pytest.mark.thorough
def test_nfnet_drops_without_rescaling():
    with keras.StatelessScope(initialize_variables=False):
        model = nfnet((64, 64, 3), 10)
    keras.utils.clear_session()
    drops = [layer for layer in model.layers if layer.name.endswith("_drop")]
    assert not any(drop.rescale for drop in drops)
    assert np.allclose([d.rate for d in drops], [0.25 * n / 12 for n in range(1, 12)])


@pytest.mark.slow
def test_nfnet_trains():
    first, *_, last = train(nfnet((32, 32, 3), 3, stochastic_depth=0), rate=3e-5)
    assert abs(first - np.log(3)) < 0.3
    assert last < first


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["none", "group"])
def test_nf_resnet_trains_with_and_without_norms(norm):
    first, *_, last = train(nf_resnet((32, 32, 3), 3, norm=norm), rate=1e-4)
    assert abs(first - np.log(3)) < 0.3
    assert last < first


def test_unknown_variants_list_the_known():
    with pytest.raises(ValueError, match=r"F0, F1.*F9"):
        nfnet((32, 32, 3), 10, "F9")
    with pytest.raises(ValueError, match=r"50, 101.*20"):
        nf_resnet((32, 32, 3), 10, 20)
