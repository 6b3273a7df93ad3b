"""Every public callback, for tables of them."""

import keras

from kerasnorm import callbacks, doctor

PUBLIC = [getattr(callbacks, name) for name in callbacks.__all__]
KINDS = [
    kind
    for kind in (*PUBLIC, doctor.DoctorCallback)
    if isinstance(kind, type) and issubclass(kind, keras.callbacks.Callback)
]
