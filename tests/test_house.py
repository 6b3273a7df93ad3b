"""The house itself: import directions, no circles, faces, documentation."""

import ast
import functools
import importlib
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
# Ground first; a room imports rooms of lower floors only.
FLOORS = (
    ("registration", "version"),
    ("inspection",),
    ("data", "callbacks"),
    ("layers", "optimizers"),
    ("models", "surgery"),
    ("doctor",),
    ("training",),
    ("command_line",),
    ("__main__",),
    ("apps",),
    ("tuning",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
LINE_LIMIT = 300
FILES = sorted(
    path
    for room in ("kerasnorm", "apps", "tuning")
    for path in (ROOT / room).rglob("*.py")
)
FACES = [path for path in FILES if path.name == "__init__.py"]
PUBLIC_ROOMS = (
    "callbacks",
    "data",
    "doctor",
    "layers",
    "models",
    "optimizers",
    "surgery",
    "training",
)


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if parts[0] == "kerasnorm" and len(parts) > 1 else parts[0]


def module_of(path: pathlib.Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


@functools.lru_cache
def imports(path: pathlib.Path, *, top_level: bool = False) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level else ast.walk(tree)
    found = []
    for node in nodes:
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append(node.module)
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def own(name: str) -> bool:
    return name.split(".")[0] in ("kerasnorm", "apps", "tuning")


def test_imports_go_down_the_floors():
    up = []
    for path in FILES:
        here = room_of(module_of(path))
        for name in filter(own, imports(path)):
            there = room_of(name)
            # The package itself stands above all floors and below none.
            if "kerasnorm" in (here, there) or there in (here, "__version__"):
                continue
            if FLOOR[there] >= FLOOR[here]:
                up.append(f"{module_of(path)} imports {name}")
    assert not up


def test_modules_do_not_import_each_other_in_circles():
    modules = {module_of(path): path for path in FILES}
    edges = {
        name: {found for found in imports(path, top_level=True) if found in modules}
        for name, path in modules.items()
    }
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join([*trail, name])
        if name in done:
            return
        # A face imports its own files, and a file may name its own face's room.
        for other in edges[name]:
            if not name.startswith(f"{other}."):
                visit(other, (*trail, name))
        done.add(name)

    for name in modules:
        visit(name, ())


def test_tensorflow_stays_in_its_files():
    strays = []
    for path in FILES:
        allowed = path.stem.endswith("_tf")
        found = [name for name in imports(path) if name.startswith("keras.src")]
        found += [
            name
            for name in imports(path, top_level=True)
            if name.split(".")[0] == "tensorflow" and not allowed
        ]
        strays += [f"{module_of(path)} imports {name}" for name in found]
    assert not strays


def test_keras_tuner_stays_in_tuning():
    assert [
        module_of(path)
        for path in FILES
        if module_of(path).split(".")[0] != "tuning"
        and any(name.startswith("keras_tuner") for name in imports(path))
    ] == []


@pytest.mark.parametrize("path", FACES, ids=module_of)
def test_faces_define_nothing(path):
    allowed = (ast.Import, ast.ImportFrom, ast.Assign, ast.Expr)
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        assert isinstance(node, allowed), ast.unparse(node)
        if isinstance(node, ast.Assign):
            assert "__all__" in ast.unparse(node.targets[0])


def test_files_say_what_lives_there_and_stay_short():
    silent, long = [], []
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        silent += [] if ast.get_docstring(ast.parse(text)) else [module_of(path)]
        long += [] if len(text.splitlines()) <= LINE_LIMIT else [module_of(path)]
    assert not silent
    assert not long


def test_source_raises_instead_of_asserting():
    assert [
        module_of(path)
        for path in FILES
        if any(
            isinstance(node, ast.Assert)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        )
    ] == []


@pytest.mark.parametrize("room", PUBLIC_ROOMS)
def test_public_names_are_documented(room):
    face = importlib.import_module(f"kerasnorm.{room}")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in face.__all__:
        value = getattr(face, name)
        if callable(value):
            assert value.__doc__, f"kerasnorm.{room}.{name} has no docstring"
        assert f"`{name}`" in readme or f"`{name}(" in readme, (
            f"kerasnorm.{room}.{name} is not named in README.md"
        )


def test_no_path_of_a_machine_and_no_registry_address_is_written_down():
    addresses = ["pypi" + ".org", "python" + "hosted.org", "npm" + "js.org"]
    patterns = [f"/{folder}/" for folder in ("work", "root")] + addresses
    for path in [*ROOT.rglob("*.py"), *ROOT.glob("*.md"), *ROOT.glob("*.t*")]:
        if any(part.startswith(".") for part in path.relative_to(ROOT).parts):
            continue
        text = path.read_text(encoding="utf-8")
        for pattern in patterns:
            if path.name != "test_house.py":
                assert pattern not in text, f"{path} contains {pattern}"
