"""The table of rules: `table.toml` says what they are, here is what they do."""

import importlib.resources
import tomllib
from dataclasses import dataclass

from kerasnorm.codes import SEVERITIES, TABLE
from kerasnorm.lint.rules import (
    flags,
    freezing,
    leaks,
    loops,
    losses,
    monitoring,
    norms,
    own_statistics,
    preparing,
    rates,
    splits,
)
from kerasnorm.lint.rules.found import Rule

CHECKS: dict[str, Rule] = {
    "scaling_differs": preparing.scaling_differs,
    "size_differs": preparing.size_differs,
    "color_mode_differs": preparing.color_mode_differs,
    "base_gets_other_inputs": preparing.base_gets_other_inputs,
    "scaled_twice": preparing.scaled_twice,
    "generator_scales_twice": preparing.generator_scales_twice,
    "scaler_fitted_again": own_statistics.scaler_fitted_again,
    "classes_numbered_again": own_statistics.classes_numbered_again,
    "augmented_validation": preparing.validation_is_augmented,
    "softmax_of_one_output": losses.softmax_of_one_output,
    "activation_and_loss": losses.activation_and_loss,
    "outputs_and_loss": losses.outputs_and_loss,
    "labels_and_loss": losses.labels_and_loss,
    "outputs_and_classes": losses.outputs_and_classes,
    "freeze_without_compile": freezing.freeze_without_compile,
    "training_flag": flags.training_flag,
    "loop_in_inference": loops.loop_in_inference,
    "norms_train_in_base": freezing.norms_train_in_base,
    "frozen_untrained_base": freezing.frozen_untrained_base,
    "misspelled_trainable": flags.misspelled_trainable,
    "order_of_folders": splits.order_of_folders,
    "order_of_labels": loops.order_of_labels,
    "sorted_split": splits.sorted_split,
    "same_data": leaks.same_data,
    "overlapping_subsets": leaks.overlapping_subsets,
    "folds_share_a_model": leaks.folds_share_a_model,
    "split_again": splits.split_again,
    "classes_differ": splits.classes_differ,
    "reshuffled_split": leaks.reshuffled_split,
    "split_after_copies": leaks.split_after_copies,
    "unknown_monitor": monitoring.unknown_monitor,
    "monitor_mode": monitoring.monitor_mode,
    "test_data_chooses": monitoring.test_data_chooses,
    "momentum": norms.momentum,
    "small_batch": norms.small_batch,
    "single_sample": norms.single_sample,
    "dropout_before_norm": norms.dropout_before_norm,
    "accumulated_gradients": norms.accumulated_gradients,
    "averaged_weights": norms.averaged_weights,
    "rate_too_high": rates.rate_too_high,
    "rate_too_low": rates.rate_too_low,
    "shuffled_predictions": rates.shuffled_predictions,
    "missing_seed": rates.missing_seed,
}


@dataclass(frozen=True)
class RuleRow:
    """One rule.

    Args:
        name: Its name.
        code: The cause that it finds, one of `kerasnorm.codes.CODES`.
        severity: How serious a finding of it can be.
        remedy: What to do; that of the code if empty.
        check: Looks for it.
        wrong: Scripts that it finds something in.
        right: Scripts that it finds nothing in.
    """

    name: str
    code: str
    severity: str
    check: Rule
    remedy: str = ""
    wrong: tuple[str, ...] = ()
    right: tuple[str, ...] = ()


def _read() -> dict[str, RuleRow]:
    file = importlib.resources.files(__package__) / "table.toml"
    rows = tomllib.loads(file.read_text(encoding="utf-8"))
    if set(rows) != set(CHECKS):
        raise ValueError(
            "expected a row of table.toml for each of CHECKS, received "
            f"{set(rows) ^ set(CHECKS)} in one of them only; add what is missing"
        )
    made = {}
    for name, row in rows.items():
        if row["code"] not in TABLE or row["severity"] not in SEVERITIES:
            raise ValueError(
                f"expected a known code and severity in {name}, received "
                f"{row['code']!r} and {row['severity']!r}; codes.toml lists them"
            )
        remedy = row.get("remedy") or TABLE[row["code"]].remedy
        made[name] = RuleRow(
            name,
            row["code"],
            row["severity"],
            CHECKS[name],
            remedy,
            tuple(row["wrong"]),
            tuple(row["right"]),
        )
    return made


RULES = _read()
