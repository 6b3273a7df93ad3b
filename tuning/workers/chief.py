"""The chief: KerasTuner's server, which hands out trials and takes their figures.

python -m tuning.workers.chief DIRECTORY ...; the supervisor starts it.
"""

import argparse
import os
import pathlib
import sys
from collections.abc import Sequence

from ..plan import SearchDirectory
from . import child_processes


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until all is over and every worker has heard of it.

    Args:
        argv: Words of the command line; those of this process if None.

    Returns:
        Exit status.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}.chief")
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--workers-live", action="store_true")
    options = parser.parse_args(argv)
    child_processes.die_with(options.parent)
    # The chief trains nothing: the GPUs are left to the workers.
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    from kerasnorm.training.system import importing

    importing.import_keras()
    from keras_tuner.engine import base_tuner

    from ..oracles import algorithms, crash_safe_oracle

    directory = SearchDirectory(options.directory)
    plan = directory.read_plan()
    oracle = algorithms.make_oracle(plan, directory)
    if directory.oracle_file.is_file():
        oracle.reload(workers_live=options.workers_live)

    class Chief(base_tuner.BaseTuner):
        """KerasTuner's server, which leaves saving to our oracle."""

        def save(self) -> None:
            """Save the oracle."""
            oracle.save()

    Chief(
        oracle, directory=str(directory.path), project_name=crash_safe_oracle.PROJECT
    ).search()
    return 0


if __name__ == "__main__":
    sys.exit(main())
