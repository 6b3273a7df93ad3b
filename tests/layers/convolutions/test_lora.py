"""Low-rank adaptation, as Keras offers it for its own convolutions."""

import keras
import numpy as np
import pytest

from kerasnorm import layers
from tests.layers.differentiate import numpy

pytestmark = pytest.mark.backends

KINDS = [
    kind
    for name in layers.__all__
    if isinstance(kind := getattr(layers, name), type) and hasattr(kind, "enable_lora")
]
X = np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype("float32")


def around(layer):
    model = keras.Sequential([keras.Input(X.shape[1:]), layer])
    return model, numpy(model(X))


def test_the_table_finds_what_is_known():
    assert {layers.WSConv2D, layers.ScaledWSConv2D} <= set(KINDS)


@pytest.mark.parametrize("rank_is", ["given", "set later"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_adapted_kernel_is_standardized_and_saved(kind, rank_is, tmp_path):
    given = {"lora_rank": 2, "lora_alpha": 3} if rank_is == "given" else {}
    model, before = around(kind(4, 3, **given))
    layer = model.layers[-1]
    if not given:
        layer.enable_lora(2, lora_alpha=3)
        np.testing.assert_array_equal(numpy(model(X)), before)
    assert "kernel" not in [weight.name for weight in layer.trainable_weights]
    generator = np.random.default_rng(1)
    for weight in (layer.lora_kernel_a, layer.lora_kernel_b):
        weight.assign(generator.normal(size=weight.shape))
    adapted = numpy(model(X))
    assert not np.allclose(adapted, before, atol=1e-2)
    plain, _ = around(kind(4, 3))
    plain.layers[-1].kernel.assign(layer.kernel)
    np.testing.assert_allclose(numpy(plain(X)), adapted, atol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(numpy(loaded(X)), adapted, atol=1e-5)
    assert loaded.layers[-1].get_config() == layer.get_config()
