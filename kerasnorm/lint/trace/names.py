"""Dotted names: what an import, an attribute or a star stands for."""

import ast
import builtins

# One module under several names, the longest first.
SAME = (
    ("tensorflow.python.keras", "keras"),
    ("tensorflow.compat.v2.keras", "keras"),
    ("tensorflow.keras", "keras"),
    ("tensorflow.compat.v2", "tensorflow"),
    ("keras.src", "keras"),
)
BUILTINS = frozenset(dir(builtins))


def canonical(name: str) -> str:
    """Return the one name of what goes by several.

    Args:
        name: A dotted name.
    """
    for prefix, short in SAME:
        if name == prefix or name.startswith(f"{prefix}."):
            return short + name[len(prefix) :]
    return name


def imported(node: ast.Import | ast.ImportFrom) -> dict[str, str]:
    """Return what an import binds: dotted names by the names in the script.

    Args:
        node: The statement; a star is bound as `*MODULE`.
    """
    if isinstance(node, ast.Import):
        return {
            alias.asname or alias.name.split(".")[0]: canonical(
                alias.name if alias.asname else alias.name.split(".")[0]
            )
            for alias in node.names
        }
    module = canonical("." * node.level + (node.module or ""))
    return {
        f"*{module}" if alias.name == "*" else alias.asname or alias.name: (
            module if alias.name == "*" else canonical(f"{module}.{alias.name}")
        )
        for alias in node.names
    }


def last(name: str) -> str:
    """Return the last part of a dotted name.

    Args:
        name: A dotted name.
    """
    return name.rpartition(".")[2]


def is_keras(name: str) -> bool:
    """Return whether a dotted name is one of Keras.

    Args:
        name: A canonical name.
    """
    return name.split(".")[0] in ("keras", "keras_cv", "keras_hub")
