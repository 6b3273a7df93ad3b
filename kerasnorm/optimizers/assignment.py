"""Assignments to many variables, on every backend and on every replica."""

from collections.abc import Callable, Sequence

import keras
from keras import ops


def num_replicas() -> int:
    """Count the `tf.distribute` replicas that run the present step.

    Returns:
        1 without a strategy and on other backends, where gradients arrive added up.
    """
    if keras.backend.backend() != "tensorflow":
        return 1
    from kerasnorm.optimizers import replicas_tf

    return replicas_tf.num_replicas()


def sum_over_replicas(tensors: Sequence) -> Sequence:
    """Add up each tensor over the `tf.distribute` replicas.

    Args:
        tensors: Tensors of any shapes, as this replica computed them.

    Returns:
        The sums, the same on every replica; without a strategy the tensors.
    """
    if num_replicas() == 1:
        return tensors
    from kerasnorm.optimizers import replicas_tf

    return replicas_tf.sum_over_replicas(tensors)


def assign_all(variables: Sequence, values: Sequence) -> None:
    """Assign a value to each variable.

    Args:
        variables: Keras variables.
        values: One tensor for each, the same on every replica.
    """
    if num_replicas() > 1:
        from kerasnorm.optimizers import replicas_tf

        replicas_tf.assign_all(variables, values)
        return
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def assign_when(condition, function: Callable, *rows: Sequence) -> None:
    """Assign to rows of variables what a function makes of them, if a condition holds.

    Where the backend allows, nothing is computed when the condition does not hold.

    Args:
        condition: Boolean tensor of shape ().
        function: Takes one variable of each row and returns as many new values.
        *rows: Keras variables; rows of equal length.
    """
    if num_replicas() > 1:
        from kerasnorm.optimizers import replicas_tf

        replicas_tf.assign_when(condition, function, *rows)
        return
    columns = list(zip(*rows, strict=True))
    variables = [variable for column in columns for variable in column]

    def compute():
        values = [value for column in columns for value in function(*column)]
        return [ops.convert_to_tensor(value) for value in values]

    if keras.backend.backend() == "jax":
        # JAX runs both branches in a trace of their own: they may not assign.
        current = [variable.value for variable in variables]
        assign_all(variables, ops.cond(condition, compute, lambda: current))
    else:
        ops.cond(condition, lambda: assign_all(variables, compute()), lambda: None)
