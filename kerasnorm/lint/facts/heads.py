"""The end of a network: its last activation and how many numbers it gives."""

from kerasnorm.lint.facts import applications
from kerasnorm.lint.facts.networks import Network
from kerasnorm.lint.trace.names import last
from kerasnorm.lint.trace.values import Call, Constant, Name, Value, constant_of

UNITS = {
    "Dense": ("units", 0),
    "EinsumDense": ("output_shape", 1),
    "Conv2D": ("filters", 0),
    "Conv1D": ("filters", 0),
    "Conv3D": ("filters", 0),
    "Conv2DTranspose": ("filters", 0),
}
PLACE_OF_ACTIVATION = {"Dense": 1}
ACTIVATIONS = {"Softmax": "softmax", "ReLU": "relu", "LeakyReLU": "leaky_relu"}
PASSING = ("Dropout", "Reshape", "Flatten", "Permute", "SpatialDropout2D", "cast")
FUNCTIONS = ("softmax", "sigmoid", "relu", "tanh", "linear")


def activation_of(network: Network) -> str | None:
    """Return the name of the last activation, None where it is not known.

    Args:
        network: A network.
    """
    for layer in reversed(network.layers):
        if not isinstance(layer, Call):
            return None
        name = last(layer.name)
        if name in ACTIVATIONS:
            return ACTIVATIONS[name]
        if name == "Activation":
            found = activation_name(layer.argument("activation", 0))
            if found != "linear":
                return found
        elif name in FUNCTIONS:
            return name
        elif name in UNITS:
            return activation_name(
                layer.argument("activation", PLACE_OF_ACTIVATION.get(name)),
                "linear" if not layer.open else None,
            )
        elif applications.is_application(layer.name):
            default = _of_base(layer, "classifier_activation", "softmax")
            return str(default) if default else None
        elif name not in PASSING:
            return None
    return None


def units_of(network: Network) -> int | None:
    """Return how many numbers a network gives, None where it is not known.

    Args:
        network: A network.
    """
    for layer in reversed(network.layers):
        if not isinstance(layer, Call):
            return None
        name = last(layer.name)
        if name in UNITS:
            units = constant_of(layer.argument(*UNITS[name]))
            return units if isinstance(units, int) else None
        if applications.is_application(layer.name):
            found = _of_base(layer, "classes", 1000)
            return found if isinstance(found, int) else None
        known = name in ACTIVATIONS or name in FUNCTIONS or name in PASSING
        if not known and name != "Activation":
            return None
    return None


def is_dense(network: Network) -> bool:
    """Return whether the outputs are one vector a sample.

    Args:
        network: A network.
    """
    for layer in reversed(network.layers):
        if isinstance(layer, Call) and last(layer.name) in UNITS:
            return last(layer.name) == "Dense"
    return False


def _of_base(layer: Call, name: str, default: object) -> object:
    if constant_of(layer.argument("include_top", 0), True) is not True or layer.open:
        return None
    value = layer.argument(name)
    return default if value is None else constant_of(value)


def activation_name(value: Value | None, default: str | None = "linear") -> str | None:
    """Return the name of an activation however it is given, None if unknown.

    Args:
        value: A string, a function or None.
        default: What no activation means.
    """
    if value is None:
        return default
    if isinstance(value, Constant):
        return default if value.value is None else str(value.value)
    if isinstance(value, Name):
        return last(value.name)
    return None
