import keras
import pytest
from keras import layers

from kerasnorm.optimizers.variable_layers import find_variable_layers, live_instances


class Block(layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2)

    def build(self, input_shape):
        self.dense.build(input_shape)


@pytest.mark.backends
def test_the_innermost_owner_is_found():
    block = Block()
    block.build((None, 3))
    owners = find_variable_layers([block.dense.kernel], (layers.Layer,))
    assert owners[id(block.dense.kernel)] in (block, block.dense)
    owners = find_variable_layers([block.dense.kernel], (layers.Dense,))
    assert owners[id(block.dense.kernel)] is block.dense


def test_a_variable_without_owner_is_absent():
    variable = keras.Variable([1.0])
    assert find_variable_layers([variable], (layers.Layer,)) == {}


def test_only_living_objects_of_the_types_are_listed():
    class Mark:
        pass

    class Submark(Mark):
        pass

    mark, submark = Mark(), Submark()
    assert set(live_instances(Mark)) == {mark, submark}
    assert live_instances(Submark) == [submark]


def test_lazy_proxies_are_left_asleep():
    class Proxy:
        @property
        def __class__(self):
            raise AssertionError("woken")

    proxy = Proxy()
    assert not any(found is proxy for found in live_instances(Block))
