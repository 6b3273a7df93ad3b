"""The house itself: import directions, no circles, faces, documentation."""

import ast
import importlib
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
# Ground first; a room imports rooms of lower floors only.
FLOORS = (
    ("registration", "version"),
    ("data", "callbacks"),
    ("layers", "optimizers"),
    ("models", "surgery"),
    ("doctor",),
    ("training",),
    ("command_line",),
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


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_go_down_the_floors(path):
    here = room_of(module_of(path))
    if here == "kerasnorm":
        return
    for name in filter(own, imports(path)):
        there = room_of(name)
        if there in (here, "kerasnorm", "__version__"):
            continue
        assert FLOOR[there] < FLOOR[here], f"{module_of(path)} imports {name}"


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


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_tensorflow_stays_in_its_files(path):
    for name in imports(path):
        assert not name.startswith("keras.src"), f"{path} imports {name}"
    if path.stem.endswith("_tf"):
        return
    for name in imports(path, top_level=True):
        assert not name.split(".")[0] == "tensorflow", f"{path} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_keras_tuner_stays_in_tuning(path):
    if module_of(path).split(".")[0] != "tuning":
        assert not any(name.startswith("keras_tuner") for name in imports(path))


@pytest.mark.parametrize("path", FACES, ids=module_of)
def test_faces_define_nothing(path):
    allowed = (ast.Import, ast.ImportFrom, ast.Assign, ast.Expr)
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        assert isinstance(node, allowed), ast.unparse(node)
        if isinstance(node, ast.Assign):
            assert "__all__" in ast.unparse(node.targets[0])


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_files_say_what_lives_there_and_stay_short(path):
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), f"{path} has no docstring"
    assert len(text.splitlines()) <= LINE_LIMIT


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_source_raises_instead_of_asserting(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not any(isinstance(node, ast.Assert) for node in ast.walk(tree))


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
