"""Sums and updates across the replicas of a `tf.distribute` strategy."""

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
        tensors: One tensor for each variable, as this replica computed it.

    Returns:
        The sums, the same on every replica.
    """
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, list(tensors))


def update_each(function: Callable, variables: Sequence, *arguments: Sequence) -> None:
    """Call a function that assigns to a variable, on every replica's copy of it.

    Args:
        function: Called as `function(variable, *arguments)` for each variable, with
            TensorFlow variables. It may assign to the variable.
        variables: Keras variables.
        *arguments: Further sequences as long as `variables`, of Keras variables or
            tensors.
    """

    def update_all(strategy, *rows):
        for row in zip(*rows, strict=True):
            strategy.extended.update(row[0], function, args=row[1:], group=False)

    rows = [[_native(entry) for entry in row] for row in (variables, *arguments)]
    tf.distribute.get_replica_context().merge_call(update_all, args=tuple(rows))


def _native(entry):
    return entry.value if isinstance(entry, keras.Variable) else entry
