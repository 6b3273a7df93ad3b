"""What a run whose weights are taken says of its network; imports no Keras."""

import pathlib
from typing import Any

from kerasnorm.training.settings.settings import SECTIONS
from kerasnorm.training.system import paths

# How the network was trained, not what it is.
NOT_INHERITED = (
    "weights",
    "frozen",
    "head_first",
    "first_layer_rate",
    "norm_policy",
    "dropout",
    "flip_tta",
)


def network_of(weights: str) -> dict[str, Any]:
    """Return the settings of the network of a run, for one that starts from it.

    Args:
        weights: The `--weights` setting; what is no run directory has no settings.
    """
    from kerasnorm.training.record import run_directory

    if not paths.is_path(weights):
        return {}
    folder = pathlib.Path(paths.fetched(weights, "--weights"))
    if not (folder / "settings.yaml").is_file():
        return {}
    saved = run_directory.open_run(folder).read_settings()
    names = [*SECTIONS["Model"], *SECTIONS["Norm"], "image_size", "center_crop"]
    return {name: getattr(saved, name) for name in names if name not in NOT_INHERITED}
