"""What padding holds has no effect where it is masked, for every norm by name."""

import keras
import numpy as np
import pytest

from kerasnorm.layers import make_norm
from kerasnorm.norm_kinds import NORM_KINDS
from tests.layers.differentiate import numpy

pytestmark = pytest.mark.backends

SEQUENCES = np.random.default_rng(0).normal(3, 2, (4, 6, 32)).astype("float32")
LENGTHS = [6, 3, 2, 6]
REAL = np.arange(6) < np.array(LENGTHS)[:, None]


def normalized(name, padding):
    """Return the outputs at real places and the moving statistics after a step."""
    layer = make_norm(name)
    model = keras.Sequential([keras.Input((6, 32)), keras.layers.Masking(padding)])
    model.add(layer)
    x = np.where(REAL[..., None], SEQUENCES, np.float32(padding))
    outputs = numpy(model(x, training=True))[REAL]
    return [outputs, *(numpy(w) for w in layer.weights if "moving" in w.path)]


@pytest.mark.parametrize("name", NORM_KINDS)
def test_masked_padding_has_no_effect(name):
    if name == "sync_batch" and keras.backend.backend() != "tensorflow":
        pytest.skip("Keras synchronizes batch norms on TensorFlow only")
    if name == "ghost_batch":
        with pytest.raises(ValueError, match="Expected no mask in the training of"):
            normalized(name, 100.0)
        return
    for one, other in zip(
        normalized(name, 100.0), normalized(name, -50.0), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-6)
