"""The house as docs/architecture.md draws it: rooms in an order, models in few short files."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

ADDON = Path(__file__).parents[2] / "ar_balance_invoicing"
MODELS = ADDON / "models"
ROOMS = re.findall(r"^from \. import (\w+)$", (MODELS / "__init__.py").read_text(), re.M)
ROOMS = [room for room in ROOMS if (MODELS / room).is_dir()]
MOST_LINES = 460
MOST_FILES = 2


def sources():
    return sorted(path for path in MODELS.rglob("*.py") if path.name != "__init__.py")


def classes(path):
    """``(_name, _inherit)`` of the models that a file defines or extends."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            values = {}
            for statement in node.body:
                if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                    name = statement.targets[0].id
                    if name in ("_name", "_inherit"):
                        values[name] = ast.literal_eval(statement.value)
            if values:
                inherited = values.get("_inherit")
                yield values.get("_name") or inherited, inherited


def homes():
    """``{model of ours: room that defines it}``"""
    found = {}
    for path in sources():
        for name, inherited in classes(path):
            inherits = [inherited] if isinstance(inherited, str) else inherited or []
            if name.startswith("ar.") and name not in inherits:
                found[name] = path.relative_to(MODELS).parts[0]
    return found


def test_all_rooms_are_listed():
    assert sorted(ROOMS) == sorted(path.name for path in MODELS.iterdir() if _is_room(path))


def _is_room(path):
    return path.is_dir() and (path / "__init__.py").exists()


def test_no_model_is_spread_over_many_files():
    files = defaultdict(set)
    for path in sources():
        for name, _inherited in classes(path):
            if name.startswith("ar."):
                files[name].add(path.name)
    assert {name: found for name, found in files.items() if len(found) > MOST_FILES} == {}


def test_a_file_can_be_read_in_one_sitting():
    python = [*sources(), *(ADDON / "wizards").glob("*.py")]
    lengths = {path.name: len(path.read_text().splitlines()) for path in python}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_uses_what_stands_before_it(room):
    """Neither imports nor names a model of a room that comes later."""
    later = set(ROOMS[ROOMS.index(room) + 1 :])
    home = homes()
    wrong = set()
    for path in (MODELS / room).rglob("*.py"):
        text = path.read_text()
        for other in re.findall(r"from \.+(\w+)", text):
            if other in later:
                wrong.add((path.name, other))
        for name in re.findall(r'"(ar\.[a-z.]+)"', text):
            if home.get(name) in later:
                wrong.add((path.name, name))
    assert wrong == set()
