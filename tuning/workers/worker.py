"""A worker: asks the chief for trials and runs them, one after the other.

python -m tuning.workers.worker DIRECTORY ...; the supervisor starts it.
"""

import argparse
import pathlib
import sys
from collections.abc import Sequence

from ..plan import SearchDirectory
from . import child_processes


def main(argv: Sequence[str] | None = None) -> int:
    """Work until the chief says that the search is over.

    Args:
        argv: Words of the command line; those of this process if None.

    Returns:
        Exit status.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}.worker")
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--cores", default="")
    parser.add_argument("--deaths", type=int, default=0)
    options = parser.parse_args(argv)
    child_processes.die_with(options.parent)
    # Before TensorFlow counts them: every pool of threads gets this size.
    child_processes.stay_on(options.cores)
    from kerasnorm.training.system import importing

    importing.import_keras()
    grow_memory()
    from . import tuner

    directory = SearchDirectory(options.directory)
    tuner.TrialTuner(directory, options.deaths).search()
    return 0


def grow_memory() -> None:
    """Take a GPU's memory as it is needed, so that two processes can share one."""
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)


if __name__ == "__main__":
    sys.exit(main())
