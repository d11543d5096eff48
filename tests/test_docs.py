"""The documentation is complete, current, and runs.

Every example in README and docs is executed as a reader would: files shown are saved, commands are run, and every line
of output shown has to come, in that order. `…` stands for lines left out.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel

from command_line import shown
from openleo.attributes import attributes
from openleo.cli import app
from openleo.controller.settings import Settings
from openleo.emulator.experiment import ExperimentRecord
from openleo.network.constellation import catalogue, shells
from openleo.policy import rule_records
from openleo.policy.decide import Outcome
from openleo.policy.rules import CLASSES
from openleo.report import slots, write
from openleo.scenario_file import ScenarioRecord
from openleo.service.serve import Reason
from openleo.study.fallback_file import FallbackRecord
from openleo.study.study_file import StudyRecord
from openleo.study.withdrawal_file import WithdrawalRecord

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
LEFT_OUT = "…"
SECONDS_A_COMMAND = 120

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def text(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


# --- complete and current -----------------------------------------------------------------------------------------


def test_the_reference_is_what_the_program_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, which has loaded what the tool reads; SystemExit names what is out of date."""
    monkeypatch.setattr(sys, "argv", ["build_reference.py", "--check"])
    runpy.run_path(str(ROOT / "tools" / "build_reference.py"), run_name="__main__")


def models(model: type[BaseModel]) -> list[type[BaseModel]]:
    """A record and every record within it."""
    found = [model]
    for field in model.model_fields.values():
        stack = [field.annotation]
        while stack:
            here = stack.pop()
            if isinstance(here, type) and issubclass(here, BaseModel):
                found += models(here)
            stack += getattr(here, "__args__", ())
    return found


def has_row(page: str, name: str) -> bool:
    """Whether a table of the page explains the name: a row that begins with it and says something."""
    return any(row.startswith(f"| `{name}` |") and row.rstrip(" |") != f"| `{name}`" for row in page.splitlines())


@pytest.mark.parametrize(
    ("record", "name"),
    [
        (ScenarioRecord, "scenario.md"),
        (rule_records.WholeFileRecord, "rules.md"),
        (ExperimentRecord, "experiment.md"),
        (StudyRecord, "study.md"),
        (FallbackRecord, "study.md"),
        (WithdrawalRecord, "withdrawal.md"),
    ],
)
def test_every_key_of_a_file_is_explained(record: type[BaseModel], name: str) -> None:
    page = text(name)
    for model in models(record):
        for key, field in model.model_fields.items():
            assert has_row(page, field.alias or key), f"{model.__name__}.{key} is missing from {name}"
            assert field.description or models(model) != [model], f"say beside {model.__name__}.{key} what it means"


def test_every_setting_is_explained_and_every_one_explained_is_there() -> None:
    page = text("settings.md")
    rows = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert rows == set(Settings.model_fields)
    assert all(has_row(page, name) and field.description for name, field in Settings.model_fields.items())
    # What a person is told to set is a setting: in files that are deployed, and on the page that says how.
    told = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "deploy").iterdir())
    told += (DOCS / "how-to" / "operate.md").read_text(encoding="utf-8")
    variables = {name.lower() for name in re.findall(r"OPENLEO_([A-Z_]+)", told)}
    assert variables - {"health"} <= rows, "OPENLEO_HEALTH is the Dockerfile's own"
    assert variables


def test_every_alarm_has_its_row_of_what_to_do() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src/openleo/controller").glob("*.py"))
    named = set(re.findall(r"alarms\.set\(\"(\w+)\"", source)) | set(
        re.findall(r"^(?:ALARM|FAULT) = \"(\w+)\"", source, re.M)
    )
    page = (DOCS / "how-to" / "operate.md").read_text(encoding="utf-8")
    assert len(named) >= 8
    assert {name for name in named if has_row(page, name)} == named


def test_every_key_of_a_shell_is_explained() -> None:
    assert all(has_row(text("scenario.md"), key) for key in shells.KEYS)


def test_every_class_and_outcome_is_named() -> None:
    assert all(f"`{name}`" in text("rules.md") for name in (*CLASSES, *Outcome))


def test_every_verb_and_option_is_explained() -> None:
    page = text("cli.md")

    def check(command: object, name: str) -> None:
        inner = getattr(command, "commands", {})
        for word, one in inner.items():
            check(one, f"{name} {word}")
        if inner:
            return
        section = page.partition(f"## `{name}`\n")[2].partition("\n## ")[0]
        assert section, f"{name} is missing"
        for parameter in command.params:  # type: ignore[attr-defined]
            assert parameter.opts[-1] in section or str(parameter.metavar).strip("[]") in section or (
                parameter.name.upper() in section
            ), f"{name} {parameter.name}"  # fmt: skip

    check(typer.main.get_command(app), "openleo")


def test_every_system_shell_and_filing_is_in_the_catalogue() -> None:
    page = text("catalogue.md")
    for name in catalogue.names():
        section = page.partition(f"## `{name}`\n")[2].partition("\n## ")[0]
        system = catalogue.load(name)
        assert all(has_row(section, shell.name) for shell in system.shells)
        assert all(filing in section for filing in system.filing)


def test_every_reason_column_and_file_is_explained() -> None:
    page, concepts = text("results.md"), (DOCS / "concepts.md").read_text(encoding="utf-8")
    assert {one.name for one in attributes("reasons")} == {reason.word for reason in Reason}
    assert all(has_row(page, reason.word) for reason in Reason)
    assert all(f"`{reason.word}`" in concepts for reason in Reason if reason is not Reason.SERVED)
    for name in ("cells", "territories", "summary"):
        assert all(has_row(page, one.name) for one in attributes(name))
    assert all(has_row(page, name) for name in (*slots.VARIABLES, *write.FILES, write.REPORT_HTML, slots.SLOTS_ZARR))


def test_the_design_says_why_each_dependency_is_there() -> None:
    page = (DOCS / "design.md").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {re.split(r"[><=~!\[;]", one)[0].strip() for one in project["dependencies"]}
    assert {name for name in named if f"\n| {name} |" in page} == named


def test_the_design_knows_every_room() -> None:
    page = (DOCS / "design.md").read_text(encoding="utf-8")
    rooms = {
        path.name.removesuffix(".py")
        for path in (ROOT / "src" / "openleo").iterdir()
        if (path.is_dir() or path.suffix == ".py") and not path.name.startswith("_") and path.name != "py.typed"
    }
    assert {room for room in rooms if re.search(rf"`{room}[/`]", page)} == rooms


def test_readme_opens_with_the_picture_and_the_two_commands() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    first_screen = page.partition("\n## ")[0]
    assert re.search(r"!\[[^\]]{20,}\]\(docs/pictures/taiwan\.png\)", first_screen)
    assert "\nmake demo" in first_screen
    assert "\nmake test" in first_screen


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    content = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", content):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        assert there.exists(), f"{page.name} points to {target}, which is not there"
        if anchor:
            heads = re.findall(r"^#+ (.+)$", there.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
            assert anchor in slugs, f"{page.name} points to {target}, which has no such heading"


# --- examples run -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Block:
    language: str
    content: str
    line: int


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    content = page.read_text(encoding="utf-8")
    found = re.finditer(r"^```(\w*)\n(.*?)^```$", content, re.DOTALL | re.MULTILINE)
    return [Block(one[1], one[2], content[: one.start()].count("\n") + 1) for one in found]


SAVED = ("toml", "csv", "perl", "jq", "py")  # files that a page shows whole
LANGUAGES = {"", "text", "sh", "console", "python", *SAVED}  # all but the first three are tried


def steps(console: str) -> list[tuple[str, list[str]]]:
    """The commands of a console block, each with the lines shown after it."""
    found: list[tuple[str, list[str]]] = []
    for line in console.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line.rstrip())
    return found


def check_shown(lines: list[str], output: str, command: str) -> None:
    """Lines shown come one after the other; where `…` stands between them, others may."""
    real = [line.rstrip() for line in output.splitlines() if line.strip()]
    place, skipping = 0, False
    for line in filter(str.strip, lines):
        if line.strip() == LEFT_OUT:
            skipping = True
            continue
        last = len(real) if skipping else place + 1
        found = next((number for number in range(place, min(last, len(real))) if real[number] == line), None)
        assert found is not None, f"$ {command}\ndoes not print\n{line}\nbut\n{output}"
        place, skipping = found + 1, False
    assert skipping or place == len(real) or not lines, f"$ {command}\nprints more than is shown:\n{output}"


def save(block: Block, folder: Path) -> None:
    """A block of a file's language whose first line is a comment with a path is that file."""
    first, _, rest = block.content.partition("\n")
    if named := re.fullmatch(r"# ([\w./-]+\.(?:toml|csv|pl|jq|py))", first):
        target = folder / named[1]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(rest if block.language == "csv" else block.content, encoding="utf-8")


def run(command: str, folder: Path) -> str:
    """What a terminal would show of a command: stdout and stderr in the order they come."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "PATH": path, "COLUMNS": "100", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS_A_COMMAND,
    )
    assert done.returncode == 0, f"$ {command}\n{done.stdout}"
    return done.stdout


QUOTED = re.compile(r"""'[^']*'|"[^"$`\\]*\"""")
NOT_PLAIN = set("|&;<>()$`\\*?[#~{}!\n")  # a shell would make something of it
Run = Callable[[str, Path], str]


def run_here(command: str, folder: Path) -> str:
    """As `run`; a plain `openleo …` in this process, which has its libraries loaded and its kernels compiled."""
    if not command.startswith("openleo ") or NOT_PLAIN & set(QUOTED.sub("", command)):
        return run(command, folder)
    with pytest.MonkeyPatch.context() as here:
        here.chdir(folder)
        here.setenv("COLUMNS", "100")
        here.setenv("NO_COLOR", "1")
        code, said = shown(*shlex.split(command)[1:])
    assert code == 0, f"$ {command}\n{said}"
    return said


WITH_CONSOLE = [page for page in PAGES if any(block.language == "console" for block in blocks(page))]
WITH_PYTHON = [page for page in PAGES if any(block.language == "python" for block in blocks(page))]


@every_page
def test_blocks_are_of_a_known_kind_and_toml_reads(page: Path) -> None:
    for block in blocks(page):
        assert block.language in LANGUAGES, f"{page.name}:{block.line}: try it, or call it text"
        if block.language == "toml":
            tomllib.loads(block.content)


# Pages whose commands take more than some 8 s, and those that go on in their folders: they and those of scenarios,
# which compute effects of whole fleets, run with the slow tests. Concepts and the page
# for subscribers are tried each time.
LONG = {
    "accountable-changes", "auditor", "compare-runs", "drills", "ephemerides", "for-planners", "for-regulators",
    "for-researchers", "hypatia", "officer", "operate", "planner", "regulator", "researcher", "rules", "terminals",
    "traffic", "tutorial",
}  # fmt: skip


QUICK = [page for page in WITH_CONSOLE if page.parent.name != "scenarios" and page.stem not in LONG]
by_name = {"ids": lambda page: page.stem}


TOOLS = ("ssh-keygen", "jq", "curl", "openssl", "perl", "sha256sum")  # of other people, that pages use
GOES_ON = re.compile(r"go on in the folder of\s+\[[^]]+\]\(([^)#]+\.md)\)")


def _page_before(page: Path) -> Path | None:
    """The page in whose folder the commands of this one go on."""
    found = GOES_ON.search(page.read_text(encoding="utf-8"))
    return (page.parent / found[1]).resolve() if found else None


@pytest.fixture(scope="session")
def left_by(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """The folder that a page's commands leave behind; each page runs once."""

    @functools.cache
    def folder_of(page: Path) -> Path:
        folder = tmp_path_factory.mktemp(page.stem)
        _follow(page, folder)
        return folder

    return folder_of


def test_pages_said_to_take_long_are_there() -> None:
    assert {page.stem for page in WITH_CONSOLE} > LONG


@pytest.mark.parametrize("page", QUICK, **by_name)
def test_verbs_print_what_is_shown(page: Path, tmp_path: Path) -> None:
    """The pages that are quick, each time; the slow tests type every command of every page into a shell."""
    _need_tools(page)
    _follow(page, tmp_path, run_here)


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_CONSOLE, **by_name)
def test_commands_print_what_is_shown(page: Path, tmp_path: Path, left_by: Callable[[Path], Path]) -> None:
    if page.is_relative_to(DOCS / "scenarios"):
        shutil.copytree(ROOT / "examples", tmp_path / "examples")
    _need_tools(page)
    if page in map(_page_before, WITH_CONSOLE):
        left_by(page)  # followed once, for those that go on too
        return
    if before := _page_before(page):
        shutil.copytree(left_by(before), tmp_path, dirs_exist_ok=True)
    _follow(page, tmp_path)


def _need_tools(page: Path) -> None:
    commands = " ".join(block.content for block in blocks(page) if block.language == "console")
    if absent := [tool for tool in TOOLS if f"{tool} " in commands and shutil.which(tool) is None]:
        pytest.skip(f"not installed: {', '.join(absent)}")


def _follow(page: Path, folder: Path, run: Run = run) -> None:
    """Do what a page says, in a folder."""
    for block in blocks(page):
        if block.language in SAVED:
            save(block, folder)
        if block.language != "console":
            continue
        for command, lines in steps(block.content):
            if command.startswith("cd "):
                folder = folder / command[3:]
                assert folder.is_dir()
            else:
                check_shown(lines, run(command, folder), command)


@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: page.stem)
def test_python_prints_what_is_shown(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the repository's folder; the text block that follows is what is printed."""
    monkeypatch.chdir(ROOT)
    found = blocks(page)
    for number, block in enumerate(found):
        if block.language != "python":
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block.content, f"{page.name}:{block.line}", "exec"), {})  # our own page
        after = found[number + 1]
        assert after.language == "text"
        assert printed.getvalue() == after.content


@pytest.mark.slow
def test_the_readme_s_table_is_what_the_demo_prints(tmp_path: Path) -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"\(`(openleo plan examples/taiwan\.toml --slots \d+)`\)", page)
    table = next(block.content for block in blocks(ROOT / "README.md") if block.language == "text")
    printed = " ".join(run_here(f"{command} --out {tmp_path / 'out'}", ROOT).split())
    for line in table.partition("\n\n")[0].splitlines():
        assert " ".join(line.split()) in printed, line
    assert " ".join(table.partition("\n\n")[2].split()) in printed


def test_the_threat_model_names_tests_that_there_are() -> None:
    page = (DOCS / "threat-model.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))
    there = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert len(named) > 30
    assert named <= there, named - there
