"""Networks whose weights are all drawn, so that none is what it starts as."""

import keras
import numpy as np


def draw_weights(model):
    generator = np.random.default_rng(7)
    for variable in model.weights:
        if variable.dtype == "float32":
            variable.assign(generator.uniform(0.1, 0.9, variable.shape))
    return model


def numbers_of(model):
    return [
        np.asarray(keras.ops.convert_to_numpy(variable))
        for variable in model.weights
        if variable.dtype == "float32"
    ]
