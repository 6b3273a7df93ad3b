"""Every public callback, for tables of them."""

import inspect

import keras

from kerasnorm import callbacks, doctor

PUBLIC = [getattr(callbacks, name) for name in callbacks.__all__]
KINDS = [
    kind
    for kind in (*PUBLIC, doctor.DoctorCallback)
    if isinstance(kind, type) and issubclass(kind, keras.callbacks.Callback)
]


def arguments_of(kind, data, folder):
    """Fill in every argument without a default."""
    known = {
        "batches": data,
        "train": data,
        "minutes": 1.0,
        "directory": folder,
        "batch_size": 8,
        "schedule": keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9),
        "total_steps": 10,
        "time_share": float,
    }
    return {
        name: known[name]
        for name, parameter in inspect.signature(kind).parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind is not parameter.VAR_KEYWORD
    }
