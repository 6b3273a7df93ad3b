"""The settings of one training: flags, YAML file and saved record in one place."""

import dataclasses
import textwrap
from typing import Any

from kerasnorm.training.settings import checks, old_names, resolution, version
from kerasnorm.training.settings.declaration import ALWAYS_ON, KEY, Declaration
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.settings.sections.augmentation import AugmentationSettings
from kerasnorm.training.settings.sections.data import DataSettings
from kerasnorm.training.settings.sections.diagnosis import DiagnosisSettings
from kerasnorm.training.settings.sections.model import ModelSettings
from kerasnorm.training.settings.sections.norm import NormSettings
from kerasnorm.training.settings.sections.optimizer import OptimizerSettings
from kerasnorm.training.settings.sections.run import RunSettings
from kerasnorm.training.settings.sections.schedule import ScheduleSettings
from kerasnorm.training.system import paths


# The fields of the last base come first.
@dataclasses.dataclass(frozen=True)
class Settings(
    DiagnosisSettings,
    RunSettings,
    ScheduleSettings,
    OptimizerSettings,
    NormSettings,
    ModelSettings,
    AugmentationSettings,
    DataSettings,
):
    """Everything that decides how one training goes.

    An app is a value of this class; every field is a flag of its command line
    (`image_size` is `--image-size`) and a key of its YAML file. Nothing is read from
    the environment. A field is declared in the module of its section.

    Raises:
        UsageError: If a value is outside its range, or values contradict each other.

    Example:
        >>> Settings(data="photos", norm="group", epochs=20).norm
        'group'
    """

    def __post_init__(self) -> None:
        checks.check(self)

    @property
    def train_crop_size(self) -> int:
        """Side of the images at the end of training, in pixels."""
        return self.eval_size if self.train_size is None else self.train_size

    @property
    def eval_size(self) -> int:
        """Side of what the finished model looks at, in pixels."""
        if self.center_crop == 1:
            return self.image_size
        middle = resolution.rounded(self.center_crop * self.image_size)
        return min(middle, self.image_size)

    @property
    def has_one_size(self) -> bool:
        """Whether training and validation see images of the same size, uncut."""
        sizes = {self.image_size, self.eval_size, self.train_crop_size}
        return not self.progressive_resizing and len(sizes) == 1

    def of_one_size(self) -> "Settings":
        """Return a copy whose training sees what the finished model looks at."""
        return self.replace(
            image_size=self.eval_size,
            train_size=None,
            center_crop=1.0,
            progressive_resizing=False,
        )

    def without_augmentation(self) -> "Settings":
        """Return a copy whose training images are shown as they are."""
        return self.replace(
            **{
                name: declared.off
                for name, declared in DECLARED.items()
                if declared.off is not ALWAYS_ON
            }
        )

    def with_full_paths(self) -> "Settings":
        """Return a copy whose data and weights mean the same from every folder."""
        files = {
            name: paths.in_full(value, f"--{name}")
            for name in names_with("reads")
            if (value := getattr(self, name)) is not None
        }
        return self.replace(**files)

    def replace(self, **changes: Any) -> "Settings":
        """Return a copy with some fields changed.

        Args:
            **changes: New values by field name.
        """
        return dataclasses.replace(self, **old_names.renamed(changes, OLD_NAMES))

    def to_dict(self) -> dict[str, Any]:
        """Return what `settings.yaml` holds: all fields but those of one call."""
        values = dataclasses.asdict(self)
        of_one_call = names_with("is_of_one_call")
        return {key: value for key, value in values.items() if key not in of_one_call}

    @classmethod
    def from_dict(cls, values: dict[str, Any], where: str = "settings") -> "Settings":
        """Make settings from what a YAML file holds.

        Args:
            values: Values by field name; missing ones take their defaults.
            where: Name of the file, for the error.

        Raises:
            UsageError: If a key is not a setting, or a later version wrote them.
        """
        values = old_names.renamed(version.upgraded(values, where), OLD_NAMES)
        unknown = sorted(set(values) - set(FIELDS))
        if unknown:
            raise UsageError(
                f"expected only known settings in {where}, received "
                f"{', '.join(unknown)}; known are {', '.join(FIELDS)}"
            )
        return cls(**values)


FIELDS = {field.name: field for field in dataclasses.fields(Settings)}
DECLARED: dict[str, Declaration] = {
    name: field.metadata[KEY] for name, field in FIELDS.items()
}
# Names of the settings by section, in the order of the fields.
SECTIONS = {
    part.__name__.removesuffix("Settings"): tuple(part.__annotations__)
    for part in reversed(Settings.__bases__)
}
OLD_NAMES = {
    old: name for name, declared in DECLARED.items() for old in declared.old_names
}
old_names.accept_old_names(Settings, OLD_NAMES)


def names_with(trait: str) -> tuple[str, ...]:
    """Return the names of the settings whose declaration has a trait.

    Args:
        trait: Name of a field of `Declaration`.

    Example:
        >>> names_with("writes")
        ('runs', 'resume')
    """
    return tuple(name for name, one in DECLARED.items() if getattr(one, trait))


def _with_arguments(docstring: str) -> str:
    """Return the docstring of the settings with a line on each."""
    lines = [
        textwrap.fill(
            f"{name}: {declared.in_full}",
            width=88,
            initial_indent=" " * 8,
            subsequent_indent=" " * 12,
        )
        for name, declared in DECLARED.items()
    ]
    before, raises, after = docstring.partition("    Raises:")
    return "\n".join([f"{before}    Args:", *lines, "", raises + after])


Settings.__doc__ = _with_arguments(Settings.__doc__ or "")
