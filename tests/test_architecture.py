"""The architecture: import directions, no cycles, sizes, documentation."""

import ast
import collections
import functools
import importlib
import pathlib
import runpy

import pytest

import kerasnorm

ROOT = pathlib.Path(__file__).resolve().parents[1]
# Lowest first; a subpackage imports those of lower layers only.
LAYERS = (
    (
        "registration",
        "version",
        "programs",
        "norm_kinds",
        "model_kinds",
        "pages",
        "codes",
    ),
    ("inspection", "lint"),
    ("data", "callbacks"),
    ("layers", "optimizers"),
    ("models", "surgery"),
    ("doctor",),
    ("watch",),
    ("notebook", "training"),
    ("studies",),
    ("script_commands", "data_commands", "program_commands"),
    ("command_line",),
    ("__main__",),
    ("apps",),
    ("tuning",),
)
LAYER = {
    subpackage: number
    for number, subpackages in enumerate(LAYERS)
    for subpackage in subpackages
}
# The same within the doctor: it measures, then judges, and reports know no examination.
DOCTOR_LAYERS = (
    ("cells", "time_limit"),
    ("report", "sampling"),
    ("losses", "finding"),
    ("forward",),
    ("loss_matrix",),
    ("probes", "examination"),
    ("measurements", "inputs_of_model", "treatments"),
    ("measure", "checks"),
    ("diagnose", "epochs"),
    ("examine", "preflight"),
    ("prove", "callback"),
    ("command",),
)
LINE_LIMIT = 300
FUNCTION_LIMIT = 60
FOLDER_LIMIT = 16
PARAMETER_LIMIT = 8
# Keras' own arguments, or one for each refinement of a paper, kernel or network.
LONG_SIGNATURES = {
    "kerasnorm.callbacks.tensorboard_tf.__init__": 12,
    "kerasnorm.data.augment.transforms.affine_matrices": 10,
    "kerasnorm.data.generator.dataframe_iterator.__init__": 10,
    "kerasnorm.data.generator.image_data_generator.flow": 11,
    "kerasnorm.data.generator.image_data_generator.flow_from_dataframe": 19,
    "kerasnorm.data.generator.image_data_generator.flow_from_directory": 15,
    "kerasnorm.data.pipelines.batches_tf.training_batches": 11,
    "kerasnorm.doctor.examine.examine": 11,
    "kerasnorm.layers.convolutions.asymmetric_conv.__init__": 14,
    "kerasnorm.layers.norms.channel_norm.__init__": 11,
    "kerasnorm.models.convnet.convnet": 10,
    "kerasnorm.models.efficientnet_lite.efficientnet_lite": 10,
    "kerasnorm.models.res2net.res2net": 11,
    "kerasnorm.models.resnet.resnet": 12,
    "kerasnorm.optimizers.ada_pnm.__init__": 12,
    "kerasnorm.optimizers.muon.__init__": 27,
    "kerasnorm.optimizers.ranger21.__init__": 19,
}
FILES = sorted(
    path
    for subpackage in ("kerasnorm", "apps", "tuning")
    for path in (ROOT / subpackage).rglob("*.py")
)
INITS = [path for path in FILES if path.name == "__init__.py"]
PUBLIC_SUBPACKAGES = sorted(set(kerasnorm.__all__) - {"__version__"})


def subpackage_of(module: str) -> str:
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
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                # Relative to the folder of the file, or to one above it.
                parts = path.relative_to(ROOT).parts[: -node.level]
                base = ".".join([*parts, *filter(None, [node.module])])
            found.append(base)
            found += [f"{base}.{alias.name}" for alias in node.names]
    return found


def own(name: str) -> bool:
    return name.split(".")[0] in ("kerasnorm", "apps", "tuning")


def test_imports_go_down_the_layers():
    up = []
    for path in FILES:
        here = subpackage_of(module_of(path))
        for name in filter(own, imports(path)):
            there = subpackage_of(name)
            # The package itself stands above all layers and below none.
            if "kerasnorm" in (here, there) or there in (here, "__version__"):
                continue
            if LAYER[there] >= LAYER[here]:
                up.append(f"{module_of(path)} imports {name}")
    assert not up


def test_the_doctor_measures_before_it_judges():
    layer = {name: i for i, names in enumerate(DOCTOR_LAYERS) for name in names}
    up = []
    for path in FILES:
        parts = module_of(path).split(".")
        if parts[:2] != ["kerasnorm", "doctor"] or len(parts) < 3:
            continue
        for name in imports(path):
            there = name.split(".")
            if there[:2] == parts[:2] and len(there) > 2 and there[2] != parts[2]:
                if layer[there[2]] >= layer[parts[2]]:
                    up.append(f"{module_of(path)} imports {name}")
    assert not up


def test_modules_do_not_import_each_other_in_cycles():
    """Imports inside functions count; an `__init__` may import its own files."""
    modules = {module_of(path): path for path in FILES}
    edges = {
        name: {found for found in imports(path) if found in modules}
        for name, path in modules.items()
    }
    done: set[str] = set()

    def follow(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join([*trail, name])
        if name in done:
            return
        for other in sorted(edges[name]):
            if not name.startswith(f"{other}."):
                follow(other, (*trail, name))
        done.add(name)

    for name in modules:
        follow(name, ())


def test_folders_stay_small():
    """A folder holds at most 16 modules."""
    counts = collections.Counter(path.parent for path in FILES if path not in INITS)
    too_many = {
        str(folder.relative_to(ROOT)): count
        for folder, count in counts.items()
        if count > FOLDER_LIMIT
    }
    assert not too_many


def test_functions_stay_short():
    """A function has at most 60 lines without its docstring."""
    assert {
        f"{module_of(path)}.{node.name}": lines
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := length_of(node)) > FUNCTION_LIMIT
    } == {}


def length_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return (node.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_parameters_have_types():
    """At least nine parameters of ten, so that editors can help."""
    arguments = [
        argument
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for argument in all_arguments(node.args)
        if argument.arg not in ("self", "cls")
    ]
    typed = [argument for argument in arguments if argument.annotation is not None]
    assert len(typed) >= 0.9 * len(arguments)


def all_arguments(arguments: ast.arguments) -> list[ast.arg]:
    rest = [found for found in (arguments.vararg, arguments.kwarg) if found]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *rest]


def test_signatures_stay_short():
    """At most eight parameters, besides those that Keras or a paper brings along."""
    long = {
        f"{module_of(path)}.{node.name}": count
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (count := len([a for a in all_arguments(node.args) if a.arg != "self"]))
        > PARAMETER_LIMIT
    }
    assert {
        name: count
        for name, count in long.items()
        if count > LONG_SIGNATURES.get(name, PARAMETER_LIMIT)
    } == {}


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


@pytest.mark.parametrize("path", INITS, ids=module_of)
def test_inits_define_nothing(path):
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


@pytest.mark.parametrize("subpackage", PUBLIC_SUBPACKAGES)
def test_public_names_are_documented(subpackage):
    module = importlib.import_module(f"kerasnorm.{subpackage}")
    for name in module.__all__:
        value = getattr(module, name)
        if callable(value):
            assert value.__doc__, f"kerasnorm.{subpackage}.{name} has no docstring"


def test_the_page_of_public_names_is_up_to_date():
    maker = runpy.run_path(str(ROOT / "docs" / "make_api.py"))
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert page == maker["page"](), (
        "write it again: python docs/make_api.py docs/api.md"
    )


def test_no_path_of_a_machine_and_no_registry_address_is_written_down():
    addresses = ["pypi" + ".org", "python" + "hosted.org", "npm" + "js.org"]
    patterns = [f"/{folder}/" for folder in ("work", "root")] + addresses
    for path in [*ROOT.rglob("*.py"), *ROOT.glob("*.md"), *ROOT.glob("*.t*")]:
        if any(part.startswith(".") for part in path.relative_to(ROOT).parts):
            continue
        text = path.read_text(encoding="utf-8")
        for pattern in patterns:
            if path.name != "test_architecture.py":
                assert pattern not in text, f"{path} contains {pattern}"
