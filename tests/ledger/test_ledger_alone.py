"""The verifier can be read in an evening: what it needs, and where sockets and SQL are."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import openleo.ledger

FOLDER = Path(openleo.ledger.__file__).parent
VERIFIER = ("faults", "text", "merkle", "keys", "note", "checkpoint", "cosignature", "tiles", "policy", "proof")
EDGE = {
    "sqlite3": {"database"},
    "psycopg": {"database_postgres"},
    "http": {"fetch", "serve", "witness", "witness_client", "witness_memory", "witness_server"},  # two for HTTPStatus
    "socketserver": {"serve"},
    "fcntl": {"database"},
    "time": {"turn"},  # clocks are handed in
}


def imports(name: str) -> set[str]:
    """Modules outside the ledger that one of its modules names, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
    return {one.partition(".")[0] for one in found if not one.startswith("openleo.ledger")}


def test_the_verifier_needs_the_standard_library_and_one_primitive() -> None:
    outside = set().union(*map(imports, VERIFIER)) - set(sys.stdlib_module_names)
    assert outside == {"cryptography"}
    assert [name for name in VERIFIER if "cryptography" in imports(name)] == ["keys"]
    code = "import sys, json\nbefore = set(sys.modules)\n" + "".join(
        f"import openleo.ledger.{one}\n" for one in VERIFIER
    )
    code += "print(json.dumps(sorted({name.partition('.')[0] for name in set(sys.modules) - before})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout)) - set(sys.stdlib_module_names)
    assert {one for one in loaded if not one.startswith("_")} <= {"openleo", "cryptography"}


@pytest.mark.parametrize("library", EDGE)
def test_sockets_sql_and_clocks_are_at_the_edge(library: str) -> None:
    users = {path.stem for path in FOLDER.glob("*.py") if library in imports(path.stem)}
    assert users <= EDGE[library]


def test_the_verifier_is_short_enough_for_an_evening() -> None:
    lines = sum(len((FOLDER / f"{name}.py").read_text(encoding="utf-8").splitlines()) for name in VERIFIER)
    assert lines < 1600, "is everything in it needed to verify?"
