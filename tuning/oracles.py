"""The algorithms of a search: KerasTuner's, each behind what makes it survive."""

import functools
import math
from typing import Any

import keras_tuner
import numpy as np

from tuning.plan import Plan, SearchDirectory
from tuning.surviving_oracle import Status, SurvivingOracle


class RandomOracle(SurvivingOracle, keras_tuner.oracles.RandomSearchOracle):
    """Random search."""


class BayesianOracle(SurvivingOracle, keras_tuner.oracles.BayesianOptimizationOracle):
    """Bayesian optimization with a Gaussian process."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Draw from a seed of this trial's own, so that a resumed search draws alike.

        Args:
            trial_id: The new trial.
        """
        self._random_state = np.random.RandomState(self.seed + len(self.trials))
        found: dict[str, Any] = super().populate_space(trial_id)
        return found


class HyperbandOracle(SurvivingOracle, keras_tuner.oracles.HyperbandOracle):
    """Hyperband, in which a failed trial is the worst of its round.

    KerasTuner waits until so many of a round are completed that only the others have
    to be left behind. A single failure would keep a whole bracket from its last round.
    """

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Promote a trial, or draw a new one.

        Args:
            trial_id: The new trial.
        """
        failed = [t for t in self.trials.values() if t.status == Status.FAILED]
        for trial in failed:
            trial.status, trial.score = Status.COMPLETED, self._worst()
        try:
            found: dict[str, Any] = super().populate_space(trial_id)
        finally:
            for trial in failed:
                trial.status, trial.score = Status.FAILED, None
        return found

    def _worst(self) -> float:
        return math.inf if self.objective.direction == "min" else -math.inf


class GridOracle(SurvivingOracle, keras_tuner.oracles.GridSearchOracle):
    """Grid search, whose place in the grid follows from its trials."""

    def reload(self, *, workers_live: bool = False) -> None:
        """Take over what the file holds, and find the place in the grid again.

        Args:
            workers_live: Whether the workers have outlived the chief.
        """
        super().reload(workers_live=workers_live)
        in_order = sorted(
            self.trials,
            key=functools.cmp_to_key(
                lambda one, other: self._compare(
                    self.trials[one].hyperparameters.values,
                    self.trials[other].hyperparameters.values,
                )
            ),
        )
        for trial_id in in_order:
            self._ordered_ids.insert(trial_id)
        self._populate_next = in_order


def make_oracle(plan: Plan, directory: SearchDirectory) -> SurvivingOracle:
    """Return the oracle of a search, without anything it may know already.

    Args:
        plan: The search.
        directory: Where its files lie.
    """
    if plan.algorithm == "bayesian":
        # KerasTuner's three points a dimension would be more than most searches have.
        first = max(4, (plan.trials or 20) // 3)
        return BayesianOracle(plan, directory, num_initial_points=first)
    if plan.algorithm == "hyperband":
        return HyperbandOracle(plan, directory, max_epochs=plan.settings.epochs)
    return {"random": RandomOracle, "grid": GridOracle}[plan.algorithm](plan, directory)
