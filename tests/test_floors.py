"""The house has floors: a room imports only rooms below it, and the lower ones know no Keras."""

import ast
import pathlib

import pytest

import keras_textrec

pytestmark = pytest.mark.once

PACKAGE = pathlib.Path(keras_textrec.__file__).parent

# From the ground up; rooms on one floor do not import each other.
FLOORS = (
    {"version"},
    {"system"},
    {"text", "images"},
    {"data", "decoding"},
    {"synthesis"},
    {"layers"},
    {"backbones"},
    {"reading"},
    {"reports"},
    {"doctor"},
    {"training"},
    {"presets"},
    {"converters"},
    {"zoo"},
    {"export"},
    {"models"},
    {"commands"},
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
WITHOUT_KERAS = {
    "version",
    "system",
    "text",
    "images",
    "synthesis",
    "decoding",
    "reading",
    "reports",
    "doctor",
    "commands",
}


def imports(path: pathlib.Path) -> set[str]:
    """The modules that a file imports, those inside its functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names if node.module == "keras_textrec"}
    return found


FILES = {path: imports(path) for path in sorted(PACKAGE.rglob("*.py")) if path.parent != PACKAGE}


def room(path: pathlib.Path) -> str:
    return path.relative_to(PACKAGE).parts[0]


def test_every_room_has_its_floor():
    assert {room(path) for path in FILES} <= set(FLOOR)


def test_no_import_runs_upwards():
    upwards = [
        f"{path.relative_to(PACKAGE)} imports {module}"
        for path, modules in FILES.items()
        for module in modules
        if module.startswith("keras_textrec.")
        and (other := module.split(".")[1]) != room(path)
        and FLOOR[other] >= FLOOR[room(path)]
    ]
    assert upwards == []


def test_no_circle_within_a_room():
    """Counting imports of modules only; a package's `__init__` gives names of its own modules."""
    graph = {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): modules for path, modules in FILES.items()
    }
    done: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, f"a circle: {' -> '.join((*above[above.index(module) :], module))}"
        if module not in done:
            for other in sorted(graph[module] & graph.keys()):
                visit(other, (*above, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_what_needs_no_network_knows_no_keras():
    knowing = [
        str(path.relative_to(PACKAGE))
        for path, modules in FILES.items()
        if room(path) in WITHOUT_KERAS and any(module.split(".")[0] in ("keras", "tensorflow") for module in modules)
    ]
    # The first sets the seed; the others run files that need TensorFlow.
    assert knowing == ["commands/train.py", "reading/litert_engine.py", "reading/saved_model_engine.py"]
