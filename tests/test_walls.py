"""The walls that carry load: imports run one way, and some things are never written."""

from __future__ import annotations

import ast

import pytest

from tests.source import Module, imports, modules

# Each line may import the lines below it. Rooms on one line may import each other as long as
# no circle comes of it (`learn` imports `pretrained`, since `distill` leaves a StaticEncoder).
ORDER = [
    ["__main__"],
    ["cli", "serve"],
    ["evaluate", "show", "audit"],
    ["store", "bulk"],
    ["loading"],
    ["search", "learn", "pretrained", "datasets"],
    ["index", "compress", "read", "engines", "caching"],
    ["encoder"],
    ["embeddings"],
    ["results", "space"],
    ["metric"],
    ["multi", "sparse", "sealed", "tensors"],
    ["errors", "durable", "places"],
]
LEVEL = {room: level for level, rooms in enumerate(ORDER) for room in rooms}
MODULES = modules()
INSIDE = [module for module in MODULES if module.name != "kinspace"]  # the front door is lazy

each_module = pytest.mark.parametrize("module", MODULES, ids=lambda m: m.name)
each_inside = pytest.mark.parametrize("module", INSIDE, ids=lambda m: m.name)


def room(name: str) -> str:
    """The room of a dotted module name; the front door's is empty."""
    return ([*name.split("."), ""])[1]


def arrows(name: str, tree: ast.AST) -> list[tuple[str, int]]:
    """The rooms that a module imports from, other than its own, and the lines."""
    found = [(i.target, i.line) for i in imports(tree) if i.target.split(".")[0] == "kinspace"]
    return [(room(target), line) for target, line in found if room(target) != room(name)]


def arrows_up(name: str, tree: ast.AST) -> list[str]:
    """What a module imports from above itself, in words."""
    here = LEVEL[room(name)]
    return [
        f"line {line}: {room(name)} imports {target or 'the front door'}"
        for target, line in arrows(name, tree)
        if LEVEL.get(target, -1) < here
    ]


@each_inside
def test_every_room_has_its_place_in_the_order(module: Module) -> None:
    assert room(module.name) in LEVEL, f"give {room(module.name)!r} a place in ORDER"


@each_inside
def test_imports_run_one_way(module: Module) -> None:
    if room(module.name) in ("__main__", "cli", "serve"):  # on top, so the front door is below them
        return
    assert not arrows_up(module.name, module.tree)


def test_rooms_on_one_line_make_no_circle() -> None:
    beside: dict[str, set[str]] = {name: set() for name in LEVEL}
    for module in INSIDE:
        here = room(module.name)
        beside[here] |= {
            there
            for there, _ in arrows(module.name, module.tree)
            if LEVEL.get(there) == LEVEL[here]
        }
    while beside:
        free = [name for name, others in beside.items() if not others & beside.keys()]
        assert free, f"these import each other in a circle: {sorted(beside)}"
        for name in free:
            del beside[name]


@pytest.mark.parametrize(
    "source",
    [
        "from kinspace.store import Collection",
        "import kinspace.store.collection",
        "from kinspace import store",
        "from kinspace import Collection",
        "def late():\n    from kinspace.cli import main",
        "import importlib\nimportlib.import_module('kinspace.cli')",
        "if TYPE_CHECKING:\n    pass\nelse:\n    import kinspace.cli",
        "try:\n    import kinspace.cli\nexcept ImportError:\n    pass",
    ],
)
def test_an_arrow_up_is_seen(source: str) -> None:
    assert arrows_up("kinspace.read.text", ast.parse(source))


@pytest.mark.parametrize(
    "source",
    [
        "from kinspace import errors",
        "from kinspace.read.chunk import split",
        "if TYPE_CHECKING:\n    from kinspace.store import Collection",
        "import numpy",
    ],
)
def test_an_arrow_down_is_allowed(source: str) -> None:
    assert not arrows_up("kinspace.read.text", ast.parse(source))


@each_module
def test_no_relative_imports(module: Module) -> None:
    assert not [i for i in imports(module.tree) if i.target.startswith(".")]


@each_module
def test_files_tell_one_story(module: Module) -> None:
    assert ast.get_docstring(module.tree), "say in a docstring what the file is for"
    assert len(module.text.splitlines()) <= 400, "over 400 lines: it tells more than one story"
    assert module.path.stem not in ("utils", "util", "helpers", "misc", "common")


PICKLES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


@each_module
def test_nothing_is_pickled(module: Module) -> None:
    assert not [i for i in imports(module.tree) if i.target.split(".")[0] in PICKLES]
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef):
            assert node.name not in ("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__")
        if isinstance(node, ast.Call):
            named = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            assert named.get("allow_pickle", "False") == "False", f"line {node.lineno}"
            if ast.unparse(node.func) == "torch.load":
                assert named.get("weights_only") == "True", f"line {node.lineno}"


@each_module
def test_no_text_is_run_as_code(module: Module) -> None:
    called = [node.func for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
    names = [func.id for func in called if isinstance(func, ast.Name)]
    assert not {"eval", "exec", "compile"} & set(names)


@each_module
def test_no_method_that_only_refuses(module: Module) -> None:
    refusals = [
        node.lineno
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Raise) and "NotImplementedError" in ast.unparse(node)
    ]
    assert not refusals, "use a capability flag, or an abstract method"
