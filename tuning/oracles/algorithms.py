"""The algorithms of a search: KerasTuner's, each behind what makes it survive."""

import math
import random
from typing import Any

import keras_tuner
import numpy as np

from ..plan import Plan, SearchDirectory
from .crash_safe_oracle import CrashSafeOracle, Status
from .untried import identity, is_listable, untried


class _NothingTwice(CrashSafeOracle):
    """Replaces a proposal that has been tried, and finds what random draws miss.

    KerasTuner's Bayesian search proposes the same point again in a space without a
    continuum, and its random search gives up after twenty draws of what is known.
    """

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Propose what no trial has had, as long as there is any.

        Args:
            trial_id: The new trial.
        """
        found: dict[str, Any] = super().populate_space(trial_id)
        parameters = self.plan.space.parameters
        tried = self.tried()
        if found["status"] == Status.RUNNING:
            known = {identity(parameters, values) for values in tried}
            if identity(parameters, found["values"]) not in known:
                return found
        values = self.listed_values()
        if is_listable(parameters, values):
            left = list(untried(parameters, values, tried))
            return proposal(self._choose(left, found["status"]) if left else None)
        return proposal(self._random_values())

    def _choose(self, left: list[dict[str, Any]], status: str) -> dict[str, Any]:
        return random.Random(self.seed + len(self.trials)).choice(left)


class RandomOracle(_NothingTwice, keras_tuner.oracles.RandomSearchOracle):
    """Random search."""


class BayesianOracle(_NothingTwice, keras_tuner.oracles.BayesianOptimizationOracle):
    """Bayesian optimization with a Gaussian process."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Draw from a seed of this trial's own, so that a resumed search draws alike.

        Args:
            trial_id: The new trial.
        """
        self._random_state = np.random.RandomState(self.seed + len(self.trials))
        found: dict[str, Any] = super().populate_space(trial_id)
        return found

    def _choose(self, left: list[dict[str, Any]], status: str) -> dict[str, Any]:
        """Take the combination with the lowest confidence bound, as KerasTuner does."""
        if status != Status.RUNNING:
            # Too few trials have ended for a model of the objective.
            return super()._choose(left, status)
        points = [
            [hp.value_to_prob(values.get(hp.name, hp.default)) for hp in self._space()]
            for values in left
        ]
        mean, std = self.gpr.predict(np.array(points), return_std=True)
        return left[int(np.argmin(np.ravel(mean) - self.beta * np.ravel(std)))]

    def _space(self) -> list[Any]:
        found: list[Any] = self._nonfixed_space()
        return found


class HyperbandOracle(CrashSafeOracle, keras_tuner.oracles.HyperbandOracle):
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


class GridOracle(CrashSafeOracle):
    """Grid search: the first combination that no trial has.

    KerasTuner's own forgets its place in a resumed search and ends early where a
    parameter depends on another. Of a range without steps the grid holds ten values.
    """

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Propose the next point of the grid.

        Args:
            trial_id: The new trial.
        """
        parameters = self.plan.space.parameters
        left = untried(parameters, self.listed_values(), self.tried())
        return proposal(next(left, None))


def proposal(values: dict[str, Any] | None) -> dict[str, Any]:
    """Return a proposal as KerasTuner wants it; None for values ends the search.

    Args:
        values: The values of the new trial.
    """
    status = Status.STOPPED if values is None else Status.RUNNING
    return {"status": status, "values": values}


def make_oracle(plan: Plan, directory: SearchDirectory) -> CrashSafeOracle:
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
