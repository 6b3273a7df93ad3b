"""A KerasTuner oracle that survives whatever is killed.

KerasTuner 1.4.8 writes several files that a kill leaves contradicting each other, has
no early end but Hyperband's, takes -inf for the best and 0 for no seed, and forgets
where a grid search stood.
"""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import keras_tuner
from keras_tuner.engine import trial as trial_module

from .. import objectives
from ..parameters import Choice
from ..plan import Plan, SearchDirectory, read_json, write_json
from . import median_rule

PROJECT = "keras_tuner"
# Under this name a worker reports the figure of one epoch instead of the final ones.
EPOCH_VALUE = "epoch_value"
# With two objectives: number of the trial's Pareto front, 1 for the best.
PARETO = keras_tuner.Objective("pareto_front", "min")
# A worker's own supervisor acts first; this is for a machine that has vanished.
LOST_AFTER = 2.0
Status = trial_module.TrialStatus


class CrashSafeOracle(keras_tuner.Oracle):
    """What all our oracles have in common; KerasTuner's own class comes behind it.

    All that the oracle knows is in one file, replaced whole after every change, so
    that at any moment the file is one consistent state. Calls may be repeated: a
    trial ends once.

    Args:
        plan: The search.
        directory: Where its files lie.
        **kwargs: Arguments of KerasTuner's oracle.
    """

    def __init__(self, plan: Plan, directory: SearchDirectory, **kwargs: Any) -> None:
        self.plan = plan
        self.search_directory = directory
        self.curves: dict[str, dict[int, float]] = {}
        self.ongoing_trials: dict[str, Any] = {}
        self._retry_queue: list[str] = []
        self.ended_because: str | None = None
        self._ended_before = 0
        self._beats: dict[str, tuple[str, float]] = {}
        super().__init__(
            objective=_objective(plan),
            hyperparameters=to_keras_tuner(plan),
            # KerasTuner takes 0 for no seed at all.
            seed=plan.seed + 1,
            allow_new_entries=False,
            # The cap is ours: KerasTuner's raises while it has the lock.
            max_consecutive_failed_trials=1_000_000,
            **kwargs,
        )
        self.max_trials = plan.trials
        self.verbose = 0

    def save(self, *, durable: bool = False) -> None:
        """Replace the file by what is known now.

        Args:
            durable: Whether it must survive a power cut.
        """
        state = self.get_state()
        state["trials"] = [trial.get_state() for trial in self.trials.values()]
        write_json(self.search_directory.oracle_file, state, durable=durable)

    def reload(self, *, workers_live: bool = False) -> None:
        """Take over what the file holds.

        Args:
            workers_live: Whether the workers have outlived the chief. Their trials
                then stay theirs; otherwise these wait for whoever comes.
        """
        state = read_json(self.search_directory.oracle_file)
        for saved in state["trials"]:
            trial = trial_module.Trial.from_state(saved)
            self.trials[trial.trial_id] = trial
        self.set_state(state)
        ongoing = {
            worker: trial
            for worker, trial in self.ongoing_trials.items()
            if trial.trial_id not in self.end_order
        }
        if not workers_live:
            # The oldest is taken first, and KerasTuner takes the last.
            waiting = {trial.trial_id for trial in ongoing.values()}
            self._retry_queue = sorted({*self._retry_queue, *waiting}, reverse=True)
            ongoing = {}
        self.ongoing_trials = ongoing
        self.tuner_ids = set(ongoing)
        self._ended_before = len(self.end_order)
        self.ended_because = None

    def get_state(self) -> dict[str, Any]:
        """Return what KerasTuner remembers, the curves, and whether all is over."""
        state: dict[str, Any] = super().get_state()
        state["curves"] = {
            trial: list(curve.items()) for trial, curve in self.curves.items()
        }
        state["ended_because"] = self.ended_because
        return state

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take over what `get_state` returned.

        Args:
            state: Plain values.
        """
        super().set_state(state)
        self.curves = {trial: dict(items) for trial, items in state["curves"].items()}

    def tried(self) -> list[dict[str, Any]]:
        """Return the values of all trials."""
        return [trial.hyperparameters.values for trial in self.trials.values()]

    def listed_values(self) -> dict[str, list[Any]]:
        """Return the values of each parameter; ten of a range without steps."""
        return {hp.name: list(hp.values) for hp in self.hyperparameters.space}

    @keras_tuner.synchronized
    def create_trial(self, tuner_id: str) -> trial_module.Trial:
        """Hand out a trial: the worker's own, a lost one, or a new one.

        Args:
            tuner_id: Id of the worker.
        """
        if tuner_id not in self.ongoing_trials and self._too_many_failures():
            self.tuner_ids.discard(tuner_id)
            return self._no_trial(Status.STOPPED)
        self._take_back_lost(tuner_id)
        trial = super().create_trial(tuner_id)
        if trial.status == Status.STOPPED:
            if self.ongoing_trials:
                # One of them may still be lost, and somebody has to take it then.
                return self._no_trial(Status.IDLE)
            few = self.max_trials is not None and len(self.trials) < self.max_trials
            self.ended_because = (
                "the space holds no further trials" if few else "all trials are done"
            )
            self.save()
        return trial

    @keras_tuner.synchronized
    def update_trial(
        self, trial_id: str, metrics: Mapping[str, float], step: int = 0
    ) -> trial_module.Trial:
        """Note the figures of a trial, or those of one epoch.

        Args:
            trial_id: The trial.
            metrics: Figures by name.
            step: Epoch, counted from 1, if the figures are those of one.

        Returns:
            The trial; its status is STOPPED where the median rule ends it.
        """
        trial = self.trials[trial_id]
        if trial_id in self.end_order:
            return trial
        if EPOCH_VALUE not in metrics:
            # Reported again after a kill, values would be averaged.
            trial.metrics = type(trial.metrics)()
            return super().update_trial(trial_id, dict(metrics), step=step)
        self.curves.setdefault(trial_id, {})[int(step)] = float(metrics[EPOCH_VALUE])
        self.save()
        if self._median_verdict(trial_id, int(step)) is None:
            return trial
        return trial_module.Trial(trial.hyperparameters, trial_id, Status.STOPPED)

    @keras_tuner.synchronized
    def end_trial(self, trial: trial_module.Trial) -> None:
        """End a trial, once however often the worker has to say so.

        Args:
            trial: The trial with its new status.
        """
        if trial.trial_id in self.end_order:
            return
        super().end_trial(trial)
        self.save(durable=True)

    def score_trial(self, trial: trial_module.Trial) -> None:
        """Score a trial; what is NaN or infinite makes it a failed one.

        Args:
            trial: A completed trial.
        """
        super().score_trial(trial)
        names = [objective.name for objective in self.plan.objectives]
        if not all(math.isfinite(trial.metrics.get_best_value(n)) for n in names):
            trial.score = math.nan
        elif len(names) > 1:
            # Every new trial may push others to a later front.
            done = [t for t in self.trials.values() if t.status == Status.COMPLETED]
            self._rank(done, names)

    def _rank(self, trials: Sequence[Any], names: Sequence[str]) -> None:
        points = [[t.metrics.get_best_value(name) for name in names] for t in trials]
        found = objectives.fronts(points, self.plan.objectives)
        for trial, front in zip(trials, found, strict=True):
            trial.score = float(front)

    def _median_verdict(self, trial_id: str, epoch: int) -> str | None:
        if not self.plan.median_rule or self.plan.algorithm == "hyperband":
            return None
        place = self.start_order.index(trial_id)
        return median_rule.verdict(
            self.curves[trial_id],
            [self.curves[o] for o in self.start_order[:place] if o in self.curves],
            epoch,
            self.plan.settings.epochs,
            watched(self.plan),
        )

    def _too_many_failures(self) -> bool:
        ended = [self.trials[i].status for i in self.end_order[self._ended_before :]]
        cap = self.plan.max_failures
        if len(ended) < cap or any(s != Status.FAILED for s in ended[-cap:]):
            return False
        self.ended_because = f"{cap} trials in a row failed"
        self.save()
        return True

    def _take_back_lost(self, asking: str) -> None:
        """Let the trial of a worker that has vanished wait for another worker."""
        now = time.monotonic()
        for worker, trial in list(self.ongoing_trials.items()):
            file = self.search_directory.heartbeat_file(worker)
            heartbeat = file.read_text(encoding="utf-8") if file.is_file() else ""
            if worker == asking or self._beats.get(worker, ("", 0.0))[0] != heartbeat:
                self._beats[worker] = (heartbeat, now)
            # Before its first sign a worker has only been seen asking.
            since = self._beats.setdefault(worker, (heartbeat, now))[1]
            if now - since > LOST_AFTER * self.plan.hang_minutes * 60:
                del self.ongoing_trials[worker], self._beats[worker]
                self.tuner_ids.discard(worker)
                self._retry_queue.append(trial.trial_id)
                self.save()

    def _no_trial(self, status: str) -> trial_module.Trial:
        return trial_module.Trial(self.hyperparameters.copy(), "", status)


def watched(plan: Plan) -> objectives.Objective:
    """Return the curve that early ends go by: an objective's, or the validation loss.

    Args:
        plan: The search.
    """
    for objective in plan.objectives:
        if objective.curve is not None:
            return objectives.Objective(objective.curve, objective.direction)
    return objectives.Objective("val_loss", "min")


def to_keras_tuner(plan: Plan) -> keras_tuner.HyperParameters:
    """Return a space as KerasTuner has it.

    Args:
        plan: The search.
    """
    defaults = plan.space.defaults(plan.settings)
    found = keras_tuner.HyperParameters()
    for parameter in plan.space.parameters:
        parent, allowed = parameter.when or (None, None)
        common = {
            "default": defaults[parameter.name],
            "parent_name": parent,
            "parent_values": None if allowed is None else list(allowed),
        }
        if isinstance(parameter, Choice):
            found.Choice(parameter.name, list(parameter.values), **common)
        elif parameter.step is not None:
            found.Choice(parameter.name, list(parameter.steps()), **common)
        else:
            (found.Int if parameter.whole else found.Float)(
                parameter.name,
                parameter.low,
                parameter.high,
                sampling="log" if parameter.log else "linear",
                **common,
            )
    return found


def _objective(plan: Plan) -> keras_tuner.Objective:
    if len(plan.objectives) > 1:
        return PARETO
    (objective,) = plan.objectives
    return keras_tuner.Objective(objective.name, objective.direction)
