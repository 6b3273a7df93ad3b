"""The base of optimizers that wrap another optimizer."""

from collections.abc import Sequence
from typing import Any

import keras

from kerasnorm.optimizers.assignment import num_replicas, sum_over_replicas


class _DelegatedAttribute:
    """An attribute that lives on the inner optimizer only."""

    def __set_name__(self, owner: type, name: str):
        self.name = name

    def __get__(self, instance: Any, owner: type):
        return (
            self if instance is None else getattr(instance.inner_optimizer, self.name)
        )

    def __set__(self, instance: Any, value: Any):
        # Keras' constructor sets its own defaults before there is an inner optimizer.
        if "inner_optimizer" in vars(instance):
            setattr(instance.inner_optimizer, self.name, value)


class OptimizerWrapper(keras.optimizers.Optimizer):
    """Base class of an optimizer that changes what another optimizer does.

    The wrapper goes through the steps of Keras' `Optimizer.apply` with the settings
    and the state of the inner optimizer (learning rate, iterations, gradient
    accumulation, weight decay, gradient clipping, moving average of the weights,
    constraints) and leaves the update itself to it. A subclass changes

    - `transform_gradients`: the gradients, after loss scaling has been undone, after
      accumulated gradients have been averaged, after replicas have been added up, and
      before the inner optimizer's own clipping, weight decay and moments;
    - `before_update` and `after_update`: what happens around an update of the inner
      optimizer, before its moving average of the weights.

    Wrappers nest: the outermost transforms first and acts last. Under `mixed_float16`
    Keras puts its `LossScaleOptimizer` outside all of them.

    Args:
        optimizer: The optimizer to wrap, a Keras optimizer or anything
            `keras.optimizers.get` takes; later found as `inner_optimizer`.
        name: Name of the optimizer.

    Raises:
        TypeError: If `optimizer` runs `apply` in its own way, as `LossScaleOptimizer`
            does; that one belongs outside.
    """

    built: bool

    _accumulated_gradients = _DelegatedAttribute()
    _iterations = _DelegatedAttribute()
    _learning_rate = _DelegatedAttribute()
    _model_variables_moving_average = _DelegatedAttribute()
    _trainable_variables = _DelegatedAttribute()
    _trainable_variables_indices = _DelegatedAttribute()
    clipnorm = _DelegatedAttribute()
    clipvalue = _DelegatedAttribute()
    ema_momentum = _DelegatedAttribute()
    ema_overwrite_frequency = _DelegatedAttribute()
    global_clipnorm = _DelegatedAttribute()
    gradient_accumulation_steps = _DelegatedAttribute()
    loss_scale_factor = _DelegatedAttribute()
    use_ema = _DelegatedAttribute()
    weight_decay = _DelegatedAttribute()

    def __init__(self, optimizer: keras.optimizers.Optimizer, name: str | None = None):
        # The inner optimizer keeps the count and the learning rate. TensorFlow must not
        # track the list they are taken from: it cannot save what has been shortened.
        object.__setattr__(self, "_self_setattr_tracking", False)
        super().__init__(learning_rate=0.0, name=name)
        for variable in list(self._variables):
            self._untrack_variable(variable)
        self._self_setattr_tracking = True
        # `get` takes any object with a `get_config` for an optimizer, and None as such.
        is_known = isinstance(optimizer, keras.optimizers.Optimizer | str)
        if not is_known and "class_name" not in (
            optimizer if isinstance(optimizer, dict) else ()
        ):
            raise TypeError(
                "Expected `optimizer` to be a Keras optimizer, its name or its "
                f"serialized form, received {optimizer!r}. Give "
                "keras.optimizers.SGD(), for instance."
            )
        inner = keras.optimizers.get(optimizer)
        runs_as_keras = type(inner).apply is keras.optimizers.Optimizer.apply
        if not runs_as_keras:
            raise TypeError(
                f"Expected `optimizer` to update through Keras' own `apply`, received "
                f"{type(inner).__name__}, which replaces it. Put "
                f"{type(self).__name__} inside: "
                f"{type(inner).__name__}({type(self).__name__}(...))."
            )
        self.inner_optimizer = inner

    def build(self, variables: Sequence):
        """Build the inner optimizer and what the wrapper itself keeps, once."""
        if self.built:
            return
        if not self.inner_optimizer.built:
            self.inner_optimizer.build(variables)
        self.built = True
        # In the order of the inner optimizer, which may have been built before.
        self.prepare(list(self._trainable_variables))

    def prepare(self, variables: Sequence) -> None:
        """Look up and create what updates of variables need; the default does nothing.

        Args:
            variables: All variables that will be updated.
        """

    def transform_gradients(self, gradients: Sequence, variables: Sequence) -> Sequence:
        """Change the gradients; the default returns them as they are.

        Args:
            gradients: Gradients as they would reach an optimizer without clipping.
            variables: Their variables, with the weights before the update.

        Returns:
            As many gradients.
        """
        return gradients

    def before_update(self) -> None:
        """Do something before an update; the default does nothing."""

    def after_update(self) -> None:
        """Do something after an update; the default does nothing."""

    @property
    def variables(self):
        """Own variables first, then those of the inner optimizer."""
        return self._variables + self.inner_optimizer.variables

    @property
    def learning_rate(self):
        """Learning rate of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any):
        self.inner_optimizer.learning_rate = learning_rate

    @property
    def iterations(self):
        """Updates of the inner optimizer so far."""
        return self.inner_optimizer.iterations

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any):
        """Update one variable as the inner optimizer does."""
        self.inner_optimizer.update_step(gradient, variable, learning_rate)

    def scale_loss(self, loss: Any):
        """Multiply the loss by the inner `loss_scale_factor`."""
        return self.inner_optimizer.scale_loss(loss)

    def exclude_from_weight_decay(
        self, var_list: Sequence | None = None, var_names: Sequence[str] | None = None
    ):
        """Exclude variables from the inner weight decay."""
        self.inner_optimizer.exclude_from_weight_decay(var_list, var_names)

    def finalize_variable_values(self, var_list: Sequence):
        """Leave the weights that training ends with, such as the moving average."""
        self.inner_optimizer.finalize_variable_values(var_list)

    def set_weights(self, weights: Sequence):
        """Set all variables, in the order of `variables`.

        Args:
            weights: One array for each of them.
        """
        for variable, weight in zip(self.variables, weights, strict=True):
            variable.assign(weight)

    def save_own_variables(self, store: Any):
        """Save what the wrapper itself remembers."""
        # Keras saves the inner optimizer by itself, as it does a layer's sublayers.
        for index, variable in enumerate(self._variables):
            store[str(index)] = keras.ops.convert_to_numpy(variable)

    def load_own_variables(self, store: Any):
        """Load what `save_own_variables` saved."""
        # A file saved before the first update holds nothing to load.
        if not store.keys():
            return
        if len(store.keys()) != len(self._variables):
            raise ValueError(
                f"Expected {len(self._variables)} saved variables for {self.name!r}, "
                f"received {len(store.keys())}. Load the file with the optimizer, and "
                "the trainable layers, it was saved with."
            )
        for index, variable in enumerate(self._variables):
            variable.assign(store[str(index)])

    # Keras calls the next two just before `_backend_update_step`. They wait until the
    # gradients have been transformed, and until the innermost wrapper.
    def _clip_gradients(self, grads: Sequence):
        return grads

    def _apply_weight_decay(self, variables: Sequence):
        pass

    def _backend_update_step(
        self, grads: Sequence, trainable_variables: Sequence, learning_rate: Any
    ):
        inner = self.inner_optimizer
        replicas = num_replicas()
        grads = sum_over_replicas(grads)
        grads = self.transform_gradients(grads, trainable_variables)
        grads = inner._clip_gradients(grads)
        if replicas > 1:
            # Keras is going to add up the replicas once more.
            grads = [gradient / replicas for gradient in grads]
        self.before_update()
        inner._apply_weight_decay(trainable_variables)
        inner._backend_update_step(grads, trainable_variables, learning_rate)
        self.after_update()

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments, the inner optimizer serialized whole."""
        return {
            "optimizer": keras.saving.serialize_keras_object(self.inner_optimizer),
            "name": self.name,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ):
        """Make the optimizer that `get_config` described."""
        inner = keras.saving.deserialize_keras_object(
            config["optimizer"], custom_objects=custom_objects
        )
        return cls(**{**config, "optimizer": inner})
