"""Private interfaces of Keras, KerasTuner and Python that the package relies on.

None has a public counterpart that does the same. Where a new version drops one, the
test says which files to look at; where the package begins to use another one, it has to
be listed here.
"""

import argparse
import ast
import gc
import os
import pathlib
import sys

import keras
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
# Public in spite of their names.
PUBLIC = {"_fields", "_replace", "_asdict"}


def compiled_model():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile(keras.optimizers.SGD(0.1, use_ema=True), "mse", loss_weights=[1.0])
    model.optimizer.build(model.trainable_variables)
    return model


def built_loss():
    model = compiled_model()
    x = keras.ops.ones((2, 4))
    model.evaluate(x, keras.ops.ones((2, 2)), verbose=0)
    return model._compile_loss


def masked_tensor():
    inputs = keras.Input((3, 4))
    return keras.layers.Masking()(inputs)


def tuner_oracle():
    tuner = pytest.importorskip("keras_tuner")
    return tuner.oracles.RandomSearchOracle(objective="loss", max_trials=1)


def tuner_class():
    return pytest.importorskip("keras_tuner").Tuner


def several_optimizers():
    return keras.optimizers.MultiOptimizer(lambda variable: keras.optimizers.SGD(0.1))


def generator_state():
    tf = pytest.importorskip("tensorflow")
    spec = tf.TensorSpec((), tf.int32)
    data = tf.data.Dataset.from_generator(lambda: iter([1]), output_signature=spec)
    states = [o for o in gc.get_objects() if type(o).__name__ == "_GeneratorState"]
    assert data is not None
    return states[0]


def bayesian_oracle():
    tuner = pytest.importorskip("keras_tuner")
    return tuner.oracles.BayesianOptimizationOracle(objective="loss", max_trials=1)


#: Attribute, and an object of the kind that has it.
INTERFACES = {
    "_actions": argparse.ArgumentParser,
    "_compile_loss": compiled_model,
    "_compute_loss": compiled_model,
    "_exit": lambda: os,
    "_finalize_ema_values": lambda: keras.callbacks.SwapEMAWeights(),
    "_get_variable_index": lambda: compiled_model().optimizer,
    "_generator": generator_state,
    "_getframe": lambda: sys,
    "_inbound_nodes": lambda: compiled_model().layers[0],
    "_is_worker": tuner_class,
    "_keras_history": lambda: compiled_model().outputs[0],
    "_keras_mask": masked_tensor,
    "_layout": lambda: keras.Variable(0.0),
    "_learning_rate": lambda: compiled_model().optimizer,
    "_model_variables_moving_average": lambda: compiled_model().optimizer,
    "_nonfixed_space": bayesian_oracle,
    "_optimizer_map": several_optimizers,
    "_output_shape": lambda: keras.layers.Lambda(lambda x: x),
    "_random_values": tuner_oracle,
    "_trainable_variables": lambda: compiled_model().optimizer,
    "_untrack_variable": lambda: compiled_model().optimizer,
    "_use_weight_decay": lambda: compiled_model().optimizer,
    "_user_loss_weights": built_loss,
    "_value": lambda: keras.Variable(0.0),
}


def own_and_used() -> tuple[set[str], dict[str, list[str]]]:
    """Return the private names that the package defines, and those it uses."""
    own: set[str] = set()
    used: dict[str, list[str]] = {}
    for folder in ("kerasnorm", "apps", "tuning"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    own.add(node.name)
                elif isinstance(node, ast.AnnAssign) and isinstance(
                    node.target, ast.Name
                ):
                    own.add(node.target.id)
                elif isinstance(node, ast.Attribute):
                    if isinstance(node.ctx, ast.Store):
                        own.add(node.attr)
                    else:
                        used.setdefault(node.attr, []).append(str(path))
                elif (
                    isinstance(node, ast.Call)
                    and getattr(node.func, "id", "") in ("getattr", "hasattr")
                    and isinstance(node.args[1], ast.Constant)
                ):
                    used.setdefault(node.args[1].value, []).append(str(path))
    private = {
        name: files
        for name, files in used.items()
        if name.startswith("_") and not name.startswith("__")
    }
    return own, private


OWN, USED = own_and_used()
FOREIGN = sorted(set(USED) - OWN - PUBLIC)


def test_every_private_interface_is_listed():
    assert set(FOREIGN) == set(INTERFACES)


@pytest.mark.parametrize("name", sorted(INTERFACES))
def test_the_interface_is_there(name):
    holder = INTERFACES[name]()
    where = ", ".join(sorted(set(USED[name])))
    assert hasattr(holder, name), f"{holder!r} has no {name} any more: see {where}"
