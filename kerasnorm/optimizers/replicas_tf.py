"""Sums and assignments across the replicas of a `tf.distribute` strategy."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf


def num_replicas() -> int:
    """Count the replicas that run the present step; 1 outside any strategy."""
    context = tf.distribute.get_replica_context()
    return context.num_replicas_in_sync if context else 1


def sum_over_replicas(tensors: Sequence) -> Sequence:
    """Add up each tensor over all replicas.

    Args:
        tensors: Tensors of any shapes, as this replica computed them.

    Returns:
        The sums, the same on every replica.
    """
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, list(tensors))


def assign_all(variables: Sequence, values: Sequence) -> None:
    """Assign a value to each variable; every replica calls this with the same values.

    Args:
        variables: Keras variables that live on every replica.
        values: One tensor for each.
    """

    def assign(variable, value):
        variable.assign(value)

    def update(strategy, variables, values):
        for variable, value in zip(variables, values, strict=True):
            strategy.extended.update(variable, assign, args=(value,), group=False)

    tf.distribute.get_replica_context().merge_call(
        update, args=(_native(variables), list(values))
    )


def assign_when(condition, function: Callable, *rows: Sequence) -> None:
    """Assign to rows of variables what a function makes of them, if a condition holds.

    Args:
        condition: Boolean tensor, the same on every replica.
        function: Takes one variable of each row and returns a new value for each.
        *rows: Keras variables that live on every replica; rows of equal length.
    """

    def assign(*variables):
        for variable, value in zip(variables, function(*variables), strict=True):
            variable.assign(value)

    def update(strategy, condition, *rows):
        def update_rows():
            for first, *others in zip(*rows, strict=True):
                strategy.extended.update(first, assign, args=others, group=False)

        # TensorFlow allows no update of all replicas within a condition of one.
        first_condition = strategy.experimental_local_results(condition)[0]
        tf.cond(first_condition, update_rows, lambda: None)

    tf.distribute.get_replica_context().merge_call(
        update, args=(condition, *map(_native, rows))
    )


def _native(variables: Sequence) -> list:
    return [v.value if isinstance(v, keras.Variable) else v for v in variables]
