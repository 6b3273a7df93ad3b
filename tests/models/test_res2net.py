import keras
import numpy as np
import pytest

from kerasnorm.models import res2net, resnet
from tests.marks import thorough_after
from tests.models.building import parameters, train


# The paper prints 25.70 million for 50 layers, 26 channels, 4 scales.
@pytest.mark.parametrize(
    ("options", "millions"),
    thorough_after(
        1,
        [
            ({}, 25.70),
            ({"base_width": 48, "scale": 2}, 25.29),
            ({"depth": 101}, 45.21),
        ],
    ),
)
def test_sizes_are_the_published(options, millions):
    count = parameters(lambda: res2net((224, 224, 3), 1000, **options)) / 1e6
    assert abs(count - millions) < 0.005


@pytest.mark.thorough
def test_one_scale_is_a_resnet():
    one = parameters(lambda: res2net((64, 64, 3), 10, scale=1, base_width=64))
    assert one == parameters(lambda: resnet((64, 64, 3), 10, 50))


@pytest.mark.thorough
def test_later_splits_see_the_earlier_ones():
    with keras.StatelessScope(initialize_variables=False):
        model = res2net((64, 64, 3), 10)
    keras.utils.clear_session()
    # Two additions of neighbours and one of the branch in a later block; in the first
    # block of a stage only the branch.
    additions = [x for x in model.layers if isinstance(x, keras.layers.Add)]
    assert len(additions) == 16 + 2 * (16 - 4)


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["batch", "none"])
def test_res2net_trains(norm):
    model = res2net((32, 32, 3), 3, base_width=4, norm=norm)
    first, *_, last = train(model, rate=1e-4)
    assert abs(first - np.log(3)) < 0.3
    assert last < first


@pytest.mark.parametrize("options", [{"depth": 18}, {"scale": 0}])
def test_unknown_designs_are_refused(options):
    with pytest.raises(ValueError, match="Expected"):
        res2net((32, 32, 3), 10, **options)
