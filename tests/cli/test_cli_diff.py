"""`openleo diff`: what `openleo plan` left behind, compared from the command line."""

from __future__ import annotations

import shutil

import pytest

from openleo.attributes import attributes


@pytest.fixture(scope="session")
def withdrawn(starter, tmp_path_factory):
    """The starter planned under the rules that withdraw service, a slot longer."""
    from command_line import run_openleo

    text = starter.read_text().replace("rules/permitted.toml", "rules/withdrawn.toml")
    other = starter.with_name("other.toml")
    other.write_text(text.partition("\ncompare")[0] + "\n")
    folder = tmp_path_factory.mktemp("withdrawn") / "out"
    assert run_openleo("plan", other, "--slots", 5, "--out", folder).code == 0
    return folder


def test_who_lost_service_and_by_which_input(run, planned, withdrawn):
    done = run("diff", planned[1], withdrawn)
    assert done.code == 0
    assert "! two spans: the longer one sees more." in done.out
    assert "~ rules: permitted.toml (" in done.out
    assert "Tonga (TON): 103,197 people affected" in done.out
    assert "    served -> not permitted: 32 cells, 103,197 people" in done.out


def test_json_has_the_keys_of_its_attributes(run, planned, withdrawn):
    answer = run("diff", planned[1], withdrawn, "--json").json
    described = [one.name for one in attributes("diff")]
    assert [name for name in described if "." not in name] == list(answer)
    for name in ("caveats", "inputs", "territories"):
        assert [f"{name}[].{key}" for key in answer[name][0]] == [x for x in described if x.startswith(f"{name}[].")]
    cells = answer["cells"]
    assert [f"cells.{key}" for key in cells] == [x for x in described if x.startswith("cells.") and "[]" not in x]
    keys = [f"cells.transitions[].{key}" for key in cells["transitions"][0]]
    assert keys == [x for x in described if x.startswith("cells.transitions[].")]
    assert not answer["same"]


def test_the_same_run_moved_elsewhere_is_the_same(run, planned, tmp_path):
    shutil.copytree(planned[1], tmp_path / "moved")
    assert run("diff", planned[1], "moved", "--json").json["same"]


def test_faults_of_both_folders_are_told_together(run, tmp_path):
    (tmp_path / "empty").mkdir()
    done = run("diff", "none", "empty")
    assert (done.code, done.out) == (2, "")
    assert "none: there is no such folder." in done.err
    assert "empty: holds no run" in done.err
