"""The version of saved settings, and what those of earlier versions meant."""

from typing import Any

from kerasnorm.training.settings.errors import UsageError

KEY = "settings_version"
VERSION = 2
# Values that mean something else since a version: version, setting, old and new name.
RENAMED = ((2, "norm", "layer", "layer_channels"),)


def stamped(values: dict[str, Any]) -> dict[str, Any]:
    """Return settings with the version that wrote them.

    Args:
        values: All settings by name.
    """
    return {KEY: VERSION, **values}


def version_of(values: dict[str, Any], where: str = "settings") -> int:
    """Return the version that wrote these settings.

    The first version left no mark, but wrote every setting; nobody types them all.

    Args:
        values: Settings by name, as they were read.
        where: Name of the file, for the error.

    Raises:
        UsageError: If a later version wrote them.
    """
    is_whole = {"app", "data", "seed", "examine"} <= values.keys()
    version = values.get(KEY, 1 if is_whole else VERSION)
    if isinstance(version, str) and version.isdecimal():
        # As it was typed.
        version = int(version)
    if type(version) is not int or not 1 <= version <= VERSION:
        raise UsageError(
            f"expected {KEY} from 1 to {VERSION} in {where}, received {version!r}; "
            "a newer kerasnorm may have written it"
        )
    return version


def has_changed(name: str, value: Any, version: int) -> bool:
    """Return whether a value means something else today than it did.

    Args:
        name: Name of a setting.
        value: One of its values.
        version: The version that wrote it.
    """
    return any(
        (name, value) == (setting, old) and version < since
        for since, setting, old, _ in RENAMED
    )


def upgraded(values: dict[str, Any], where: str = "settings") -> dict[str, Any]:
    """Return settings that mean today what they meant when they were saved.

    Args:
        values: Settings by name, as they were read.
        where: Name of the file, for the error.

    Raises:
        UsageError: If a later version wrote them.
    """
    version = version_of(values, where)
    new = {name: new for _, name, _, new in RENAMED}
    return {
        name: new[name] if has_changed(name, value, version) else value
        for name, value in values.items()
        if name != KEY
    }
