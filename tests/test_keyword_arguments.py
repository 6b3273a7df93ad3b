"""Everything public that hands keywords on: each has an effect or is refused."""

import importlib
import inspect
import pkgutil

import keras
import numpy as np
import pytest

import kerasnorm
from kerasnorm import callbacks, doctor, layers, optimizers

# What a class cannot be made without.
NEEDED = {
    "AsymmetricConv2D": {"filters": 2},
    "ScaledWSConv2D": {"filters": 2, "kernel_size": 3},
    "ScaledWSDepthwiseConv2D": {"kernel_size": 3},
    "StochasticDepth": {"rate": 0.5},
    "WSConv2D": {"filters": 2, "kernel_size": 3},
}
# Another value than the default, where the default does not tell a kind.
BY_NAME = {
    "name": "other",
    "dtype": "float16",
    "dtype_policy": "float16",
    "activation": "relu",
    "activity_regularizer": "l2",
    "data_format": "channels_first",
    "group_size": 2,
    "input_shape": None,
    "weight_decay": 0.5,
    "renorm_clipping": {"rmax": 2.0, "rmin": 0.5, "dmax": 1.0},
    "seed": 3,
}
BY_SUFFIX = {"_initializer": "ones", "_regularizer": "l2", "_constraint": "non_neg"}
# They shape the first layer of a Sequential model, which Keras keeps apart.
OF_INPUTS = ("input_shape", "input_dim", "batch_size", "autocast")


def open_ended(thing):
    """Say whether something callable takes keywords it does not name."""
    call = thing.__init__ if isinstance(thing, type) else thing
    parameters = inspect.signature(call).parameters.values()
    return any(p.kind is p.VAR_KEYWORD for p in parameters)


def public():
    """List the public classes whose constructor takes keywords it does not name."""
    for package in (layers, optimizers):
        for name in package.__all__:
            cls = getattr(package, name)
            if isinstance(cls, type) and open_ended(cls):
                yield cls


def keywords(cls):
    """List the parameters of a class and of all its bases, with their defaults."""
    found = {}
    for base in cls.__mro__:
        if base is object or base is keras.Operation or "__init__" not in vars(base):
            continue
        for p in inspect.signature(base.__init__).parameters.values():
            named = p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)
            if named and p.name != "self" and base.__module__ != "keras.src.backend":
                found.setdefault(p.name, p.default)
    return found


def other(name, default):
    """Return another value than the default, or None if there is no telling."""
    for suffix, value in BY_SUFFIX.items():
        if name.endswith(suffix):
            return "zeros" if default == value else value
    if isinstance(default, bool):
        return not default
    if isinstance(default, float):
        return default * 0.5 or 0.5
    if isinstance(default, int):
        return default + 1
    return BY_NAME.get(name)


CASES = [
    pytest.param(cls, name, other(name, default), id=f"{cls.__name__}, {name}")
    for cls in public()
    for name, default in keywords(cls).items()
    if name not in OF_INPUTS
    and name not in NEEDED.get(cls.__name__, ())
    and other(name, default) is not None
]


def config_of(cls, **kwargs):
    keras.utils.set_random_seed(0)
    return cls(**{**NEEDED.get(cls.__name__, {}), **kwargs}).get_config()


@pytest.mark.parametrize("cls", public(), ids=lambda cls: cls.__name__)
def test_unknown_keywords_are_refused_by_name(cls):
    with pytest.raises((TypeError, ValueError), match="colour"):
        config_of(cls, colour="red")


@pytest.mark.parametrize(("cls", "name", "value"), CASES)
def test_known_keywords_are_kept_or_refused_by_name(cls, name, value):
    usual = config_of(cls)
    try:
        changed = config_of(cls, **{name: value})
    except (TypeError, ValueError) as error:
        assert name in str(error)
        return
    assert changed.get(name, usual) != usual.get(name, usual)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("renorm", True),
        ("renorm_momentum", 0.5),
        ("renorm_clipping", {"rmax": 2.0}),
        ("synchronized", True),
    ],
)
def test_ghost_batch_norm_refuses_what_it_does_not_do(name, value):
    with pytest.raises(ValueError, match=f"no `{name}` in GhostBatchNorm"):
        layers.GhostBatchNorm(**{name: value})


WITH_TENSORFLOW = ("tensorflow", "tensorboard", "keras_tuner")


def others():
    """List what else is public and open ended, exceptions left out."""
    known = list(public())
    for found in pkgutil.iter_modules(kerasnorm.__path__, "kerasnorm."):
        package = importlib.import_module(found.name) if found.ispkg else None
        for name in getattr(package, "__all__", ()):
            try:
                thing = getattr(package, name)
            except ModuleNotFoundError as missing:
                # What needs TensorFlow is looked at where there is TensorFlow.
                assert missing.name in WITH_TENSORFLOW
                continue
            is_error = isinstance(thing, type) and issubclass(thing, BaseException)
            if callable(thing) and not is_error and thing not in known:
                yield thing


# How they are called; one without a row fails.
CALLS = {
    "make_norm": lambda **options: layers.make_norm("group", **options),
    "DoctorCallback": lambda **options: doctor.DoctorCallback([], **options),
    "diagnose_model": lambda **options: doctor.diagnose_model(
        keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]),
        [(np.zeros((2, 2)), np.zeros(2))],
        None,
        **options,
    ),
}
KINDS = {
    name: kind
    for name in callbacks.__all__
    if isinstance(kind := getattr(callbacks, name), type)
}
OTHERS = {thing.__name__: thing for thing in others() if open_ended(thing)}


@pytest.mark.parametrize("name", OTHERS)
def test_unknown_keywords_are_refused_when_they_are_given(name):
    with pytest.raises((TypeError, ValueError), match="colour"):
        CALLS[name](colour="red")


@pytest.mark.parametrize("name", [n for n in KINDS if n not in CALLS])
def test_every_public_callback_refuses_unknown_keywords(name):
    with pytest.raises(TypeError, match="colour"):
        KINDS[name](colour="red")


def test_the_doctor_callback_hands_its_options_to_examine(monkeypatch):
    given = {}

    def note(*args, **options):
        given.update(options)
        raise StopIteration

    monkeypatch.setattr("kerasnorm.doctor.callback.examine", note)
    told = {"seconds": 3.0, "samples": 7, "thorough": True}
    with pytest.raises(StopIteration):
        doctor.DoctorCallback([], **told).on_epoch_end(0)
    assert given == told
