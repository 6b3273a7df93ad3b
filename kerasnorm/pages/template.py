"""The templates of the pages: everything that comes from files is escaped."""

from collections.abc import Callable, Mapping
from typing import Any

import jinja2

from kerasnorm.pages.formatting import escape_control_characters


def page_template(
    package: str, name: str, filters: Mapping[str, Callable[..., Any]]
) -> jinja2.Template:
    """Return a template whose values are cleaned and escaped, none of them missing.

    Args:
        package: Package that holds the template.
        name: Its file.
        filters: What the template may apply, by name.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(package, "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=escape_control_characters,
    )
    environment.filters |= filters
    return environment.get_template(name)
