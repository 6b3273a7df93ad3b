"""The folder for TensorBoard's --logdir: a run for each trial, under a short name."""

import os
import pathlib

from ..plan import SearchDirectory

SPLITS = ("train", "validation")


def link_curves(folder: pathlib.Path, run_directory: pathlib.Path) -> None:
    """Show the curves of a trial under its name alone.

    TensorBoard names a run by its path below `--logdir`; in the search directory
    itself each would be `<app>/trial_0/tensorboard/train`. The links are relative, so
    a search directory that is moved keeps them.

    Args:
        folder: The trial as TensorBoard shows it.
        run_directory: Run directory of the trial; it need not exist yet.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = os.path.relpath(run_directory / "tensorboard", folder)
    for split in SPLITS:
        try:
            (folder / split).symlink_to(os.path.join(source, split), True)
        except OSError:
            # An earlier attempt at this trial has made it; or there are no links:
            # Windows asks for a privilege, and some network disks have none.
            continue


def logdir(directory: SearchDirectory) -> pathlib.Path:
    """Return what TensorBoard's `--logdir` is given for a search.

    Args:
        directory: The search directory.
    """
    has_links = any(file.is_symlink() for file in directory.tensorboard.glob("*/*"))
    return directory.tensorboard if has_links else directory.path
