"""What the doctor can find: every code, and how serious a finding can be."""

HEALTHY = "healthy"

#: Every code with the sentence that explains it to somebody who has not met it.
CODES: dict[str, str] = {
    HEALTHY: "No cause that the measurements can prove.",
    "broken_statistics": "Moving statistics are not numbers, negative or out of range.",
    "mixed_precision_overflow": "Float16 activations overflow where float32 ones do "
    "not.",
    "leakage": "Validation samples are also in the training data.",
    "label_mismatch": "Labels and outputs count the classes differently.",
    "input_mismatch": "Inputs are prepared differently from those that the network was "
    "trained on.",
    "ordered_batches": "Training batches hold fewer classes than shuffling would give.",
    "freeze_without_recompile": "Layers were frozen after `compile`, so they still "
    "train.",
    "training_flag_overridden": "`training=` written into the graph is overridden by "
    "`fit`.",
    "unfrozen_norm_in_frozen_base": "Batch norms train inside a frozen base.",
    "ema_statistics": "Averaged weights run with the moving statistics of others.",
    "single_sample_batch": "Batches of one sample spoil the moving statistics.",
    "gradient_accumulation": "Batch norms see the small parts of an accumulated batch.",
    "small_batch": "Batches are too small for their statistics.",
    "dropout_before_norm": "Dropout in front of a batch norm shifts its statistics.",
    "train_augmentation_shift": "Statistics of augmented images do not fit plain ones.",
    "stale_statistics": "Moving statistics lag behind the weights.",
    "not_learned": "The network has learned nothing, or little, of its training "
    "samples.",
    "norm_momentum": "The momentum of a batch norm is too high for the steps of an "
    "epoch.",
    "learning_rate_too_high": "The learning rate is too high for training to settle.",
    "learning_rate_too_low": "The learning rate is too low for the loss to fall.",
    "nothing_trainable": "No variable of the model is trainable.",
    "unconnected_variables": "The loss sends trainable variables no gradient.",
    "non_finite_gradient": "Gradients are NaN or infinite.",
    "wrong_gradient": "The gradient of a layer is not that of its output.",
    "vanishing_gradient": "Gradients differ by orders of magnitude between layers.",
    "dead_units": "Units are 0 for every sample, so they learn nothing.",
    "cannot_overfit_one_batch": "The model cannot learn even one batch.",
    "wrong_initial_loss": "New weights begin above the loss of chance.",
    "input_range": "Inputs are constant, not finite, or use a small part of their "
    "range.",
    "label_noise": "A share of the labels is wrong, and the network learned them.",
    "domain_shift": "Validation inputs come from another distribution.",
    "overfitting": "The network fits the training samples, not the task.",
}

SEVERITIES = ("info", "warning", "error")
