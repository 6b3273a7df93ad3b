"""The tuner: KerasTuner's loop over trials, each of which is a run of its own."""

import functools
import time
from collections.abc import Callable, Mapping
from typing import Any

from keras_tuner.engine import base_tuner
from keras_tuner.engine import trial as trial_module

from kerasnorm.training import runner
from kerasnorm.training.inputs.loading import load_data
from kerasnorm.training.loop.hooks import Hooks
from kerasnorm.training.settings import Settings

from ..oracles import algorithms, crash_safe_oracle
from ..plan import Plan, SearchDirectory
from ..record import hparams_tf, tensorboard_runs
from .chief_client import PatientStub
from .reporter import Beat, Reporter
from .trial import TrialFailed, TrialRun

# So many deaths of its worker at the same place are a trial's own fault.
MOST_DEATHS = 4
PAUSE_SECONDS = 1.0


class TrialTuner(base_tuner.BaseTuner):
    """Runs trials with `kerasnorm.training.run`.

    In a worker, KerasTuner's environment variables lead it to the chief; without them
    it holds the oracle itself.

    Args:
        directory: Where the files of the search lie.
        deaths: How often in a row this worker has crashed at the same place; the trial
            it is given back is then to blame.
        train: What trains; tests put something else here.
    """

    def __init__(
        self,
        directory: SearchDirectory,
        deaths: int = 0,
        train: Callable[[Settings, Hooks], runner.Run] = runner.run,
    ) -> None:
        self.search_directory = directory
        self.plan: Plan = directory.read_plan()
        self.train = train
        self.deaths = deaths
        # Workers of a machine read the same decoded images.
        self.load = functools.partial(load_data, is_shared=True)
        self._asked_in_vain = False
        oracle = algorithms.make_oracle(self.plan, directory)
        if directory.oracle_file.is_file() and not self._is_worker():
            oracle.reload()
        super().__init__(
            oracle,
            directory=str(directory.path),
            project_name=crash_safe_oracle.PROJECT,
        )
        self.beat = Beat(directory.heartbeat_file(self.tuner_id), self.tuner_id)
        if self._is_worker():
            self.oracle.stub = PatientStub(self.oracle.stub, directory.search_file)

    def pre_create_trial(self) -> None:
        """Wait a moment if the chief had nothing the last time."""
        self.beat.trial = None
        self.beat("asks for a trial", now=True)
        if self._asked_in_vain:
            time.sleep(PAUSE_SECONDS)
        self._asked_in_vain = True

    def on_trial_begin(self, trial: trial_module.Trial) -> None:
        """Note that there was a trial.

        Args:
            trial: The trial.
        """
        self._asked_in_vain = False
        self.beat.trial = trial.trial_id
        self.beat("begins", now=True)

    def run_trial(
        self, trial: trial_module.Trial, *arguments: Any, **options: Any
    ) -> dict[str, float]:
        """Run one trial.

        Args:
            trial: The trial.
            *arguments: None; KerasTuner's signature.
            **options: None; KerasTuner's signature.

        Returns:
            The value of each objective.

        Raises:
            TrialFailed: If it has no figures.
        """
        deaths, self.deaths = self.deaths, 0
        reporter = Reporter(self.beat, functools.partial(self._report, trial))
        run = TrialRun(
            self.plan,
            self.search_directory,
            trial.trial_id,
            trial.hyperparameters.values,
            Hooks((reporter,), load=self.load, defaults=self.plan.settings),
            self.train,
        )
        tensorboard_runs.link_curves(run.tensorboard, run.run_directory)
        try:
            if deaths >= MOST_DEATHS:
                run.fail(f"its worker crashed {deaths} times at the same place")
            figures = run.run()
        except TrialFailed:
            hparams_tf.write_session(run, None)
            raise
        hparams_tf.write_session(run, figures)
        if len(self.plan.objectives) > 1:
            # KerasTuner wants it; the oracle knows better.
            return {**figures, crash_safe_oracle.PARETO.name: 0.0}
        return figures

    def save(self) -> None:
        """Save the oracle; the tuner itself has nothing to remember.

        KerasTuner's own file would keep a worker from starting if a kill cut it off.
        """
        if not self._is_worker():
            self.oracle.save()

    def _report(
        self, trial: trial_module.Trial, epoch: int, logs: Mapping[str, float]
    ) -> str | None:
        watched = crash_safe_oracle.watched(self.plan)
        if watched.name not in logs:
            return None
        value = float(logs[watched.name])
        answer = self.oracle.update_trial(
            trial.trial_id, {crash_safe_oracle.EPOCH_VALUE: value}, step=epoch
        )
        if answer.status != trial_module.TrialStatus.STOPPED:
            return None
        return (
            f"the median rule ended it: after epoch {epoch} its best {watched.name} "
            "was worse than that of half of the earlier trials"
        )
