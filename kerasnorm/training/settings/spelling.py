"""How flags are spelled: by people and by jsonargparse.

jsonargparse spells flags with underscores and wants a value after every flag; people
type `--image-size 96 --quiet`. This file stands between the two.
"""

import difflib
import itertools
from collections.abc import Collection, Sequence


def normalize(argv: Sequence[str], switches: Collection[str]) -> list[str]:
    """Spell flags as jsonargparse does: underscores, and a value for every switch.

    Args:
        argv: Words of a command line.
        switches: Names of the flags that need no value.

    Example:
        >>> normalize(["--image-size", "96", "--quiet", "--no-quiet"], ["quiet"])
        ['--image_size', '96', '--quiet=true', '--quiet=false']
    """
    words = list(argv)
    result = []
    for position, word in enumerate(words):
        if not word.startswith("--"):
            result.append(word)
            continue
        flag, equals, value = word[2:].partition("=")
        flag = flag.replace("-", "_")
        following = words[position + 1] if position + 1 < len(words) else ""
        if flag.startswith("no_") and flag[3:] in switches and not equals:
            result.append(f"--{flag[3:]}=false")
        elif flag in switches and not equals and following not in ("true", "false"):
            result.append(f"--{flag}=true")
        else:
            result.append(f"--{flag}{equals}{value}")
    return result


def last_word(words: Sequence[str], name: str) -> str | None:
    """Return what stands behind the last flag of a name, as it was typed.

    Args:
        words: Words as `normalize` spells them.
        name: Name of the flag.
    """
    found = None
    for word, following in itertools.pairwise([*words, ""]):
        flag, equals, value = word.partition("=")
        if flag == f"--{name}":
            found = value if equals else following
    return found


def flag_of(name: str) -> str:
    """Return the flag of a setting as people type it.

    Args:
        name: Name of the setting.
    """
    return "--" + name.replace("_", "-")


def hyphens(flag: str) -> str:
    """Return a flag as people type it.

    Args:
        flag: The flag as the parser knows it.
    """
    return flag if flag == "--print_config" else "--" + flag[2:].replace("_", "-")


def similar_flags(flag: str, known: Collection[str]) -> list[str]:
    """Return the flags that somebody may have meant, three at most.

    These are the flags whose initials or one of whose words were typed, and else the
    one that is spelled most alike.

    Args:
        flag: What was typed.
        known: The flags there are.

    Example:
        >>> similar_flags("--lr", ["--runs", "--learning_rate"])
        ['--learning_rate']
    """
    typed = flag.lstrip("-")
    words = {one: one.lstrip("-").split("_") for one in sorted(known) if one[2:]}
    meant = [one for one, parts in words.items() if typed == _initials(parts)]
    meant += [one for one, parts in words.items() if len(parts) > 1 and typed in parts]
    if meant:
        return meant[:3]
    names = {one.lstrip("-"): one for one in words}
    return [names[name] for name in difflib.get_close_matches(typed, names, n=1)]


def _initials(words: list[str]) -> str:
    return "".join(word[:1] for word in words) if len(words) > 1 else ""
