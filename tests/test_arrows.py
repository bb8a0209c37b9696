"""Who may import whom: the floors of the house, held against the imports themselves."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import hemosim_jax
from hemosim_jax.registry import FOLDERS

PACKAGE = Path(hemosim_jax.__file__).parent
FLOORS = (
    "integrate",
    "core",
    "outcomes",
    "physiology",
    "tasks",
    "registry",
    "testing",
    "interop",
    "experiment",
)
# Beside the tower, and all that they know of it.
BESIDE = {
    "learning": {"core"},
    "evaluation": {"core"},
    "plotting": {"core"},
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Dotted path below the package, and what the file says."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        yield ".".join(parts), ast.parse(path.read_text())


def imports() -> Iterator[tuple[str, str]]:
    """Pairs: a module, and one of ours that it imports, wherever in the file."""
    for name, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                wanted = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{name}: imports are absolute"
                wanted = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                continue
            for target in wanted:
                if target.startswith("hemosim_jax."):
                    yield name, target.removeprefix("hemosim_jax.")


IMPORTS = list(imports())


def folder(module: str) -> str:
    return module.split(".")[0]


def test_the_walk_sees_the_house():
    assert len(IMPORTS) > 300
    assert {folder(name) for name, _ in modules()} >= {*FLOORS, *BESIDE}


def test_imports_run_down():
    upward = [
        (name, target)
        for name, target in IMPORTS
        if folder(name) in FLOORS
        and folder(target) in FLOORS
        and FLOORS.index(folder(target)) > FLOORS.index(folder(name))
    ]
    assert not upward


def test_no_task_imports_another():
    sideways = [
        (name, target)
        for name, target in IMPORTS
        if folder(name) == folder(target) == "tasks" and name.split(".")[1] != target.split(".")[1]
    ]
    assert not sideways


@pytest.mark.parametrize("beside", BESIDE)
def test_beside_the_tower_only_core_is_known(beside):
    known = {folder(target) for name, target in IMPORTS if folder(name) == beside}
    assert known - {beside} <= BESIDE[beside]


def test_nothing_in_the_tower_knows_what_is_beside_it():
    allowed = {"experiment": set(BESIDE), "interop": {"plotting"}}  # the top floors; `render`
    wrong = [
        (name, target)
        for name, target in IMPORTS
        if folder(target) in BESIDE
        and folder(target) not in allowed.get(folder(name), {folder(name)})
    ]
    assert not wrong


def test_core_and_integrate_know_no_medicine():
    words = ("heparin", "warfarin", "platelet", "plasma", "anticoag", "bleed", "inr_")
    for path in [*(PACKAGE / "core").rglob("*.py"), *(PACKAGE / "integrate").rglob("*.py")]:
        names = {
            node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)
        }
        assert not [name for name in names if any(word in name.lower() for word in words)], path


def test_every_task_has_the_same_rooms():
    rooms = {
        "__init__",
        "environment",
        "population",
        "disturbances",
        "protocols",
        "metrics",
        "cohort",
    }
    for name in FOLDERS:
        assert rooms <= {path.stem for path in (PACKAGE / "tasks" / name).glob("*.py")}, name


def test_files_are_small():
    lines = {path: len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py")}
    assert not {str(path): count for path, count in lines.items() if count > 350}


def test_no_import_needs_an_alias():
    """Only names that a file hands on are written `x as x`; numpy and jax keep their usual ones."""
    renamed = [
        (name, alias.name, alias.asname)
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hemosim_jax")
        for alias in node.names
        if alias.asname not in (None, alias.name)
    ]
    assert not renamed
