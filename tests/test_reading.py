"""Errors that teach: the file, the place in it, what stands there, the rule and a way out; all of them at once."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

from openleo.errors import InputError, Problem, join_or, near_names
from openleo.reading import Record, check, parse_json, place_text, read_toml


class Inner(Record):
    planes: int = Field(ge=1)
    kind: Literal["delta", "star"] = "delta"


class Outer(Record):
    name: str
    in_: str = Field("", alias="in")
    inner: Inner | None = None
    shell: list[Inner] = Field(default_factory=list)
    day: date | None = None


def problems_of(data):
    with pytest.raises(InputError) as refused:
        check(Outer, data, "file.toml")
    return refused.value.problems


# --- problems -----------------------------------------------------------------------------------------------------


def test_a_problem_reads_file_place_rule_way_out():
    assert (
        str(Problem("a.toml", "key", "is 3; it must be 4.", "Write 4.")) == "a.toml: key: is 3; it must be 4. Write 4."
    )
    assert str(Problem("a.toml", "", "there is no such file.")) == "a.toml: there is no such file."


def test_an_error_says_all_its_problems_and_has_at_least_one():
    problems = [Problem("a", "x", "one."), Problem("b", "y", "two.")]
    assert str(InputError(problems)) == "a: x: one.\nb: y: two."
    assert InputError(problems[0]).problems == (problems[0],)
    assert json.loads(json.dumps(problems[0].as_json())) == {"file": "a", "where": "x", "rule": "one.", "way_out": ""}
    with pytest.raises(ValueError, match="at least one"):
        InputError([])


def test_near_names_offer_what_is_close_whatever_its_case():
    assert near_names("taw", ["TWN", "JPN"]) == "Did you mean TWN?"
    assert near_names("quite another", ["TWN", "JPN"]) == ""
    assert near_names("", ["TWN"]) == ""
    assert near_names("abcd", ["abcde", "abcdf", "abcdg", "abcdh"]).count("abcd") == 3


def test_join_or():
    assert [join_or(["a"]), join_or(["a", "b"]), join_or(["a", "b", "c"])] == ["a", "a or b", "a, b or c"]


def test_a_place_is_written_as_a_person_points_at_it():
    assert place_text(("constellation", "shell", 0, "planes")) == "constellation.shell[0].planes"
    assert place_text(()) == ""


# --- records ------------------------------------------------------------------------------------------------------


def test_a_good_record_is_frozen():
    record = check(Outer, {"name": "x", "in": "y", "inner": {"planes": 3}}, "file.toml")
    assert (record.in_, record.inner.planes, record.inner.kind) == ("y", 3, "delta")
    with pytest.raises(ValueError, match="frozen"):
        record.name = "z"


def test_an_unknown_key_is_refused_with_the_near_one_at_every_level():
    said = [
        str(one)
        for one in problems_of(
            {"name": "x", "nam": 1, "inner": {"planes": 1, "plane": 2}, "shell": [{"planes": 1, "knd": 1}]}
        )
    ]
    assert sorted(said) == [
        'file.toml: inner.plane: there is no key "plane" here. Did you mean planes?',
        'file.toml: nam: there is no key "nam" here. Did you mean name?',
        'file.toml: shell[0].knd: there is no key "knd" here. Did you mean kind?',
    ]


def test_an_unknown_key_with_nothing_near_is_answered_with_the_known_ones():
    (one,) = problems_of({"name": "x", "zzzzz": 1})
    assert str(one) == 'file.toml: zzzzz: there is no key "zzzzz" here. Known keys: day, in, inner, name, shell.'


def test_a_key_is_named_as_the_file_writes_it():
    (one,) = problems_of({"name": "x", "in": 3})
    assert one.where == "in"
    (one,) = problems_of({"name": "x", "in_": "y"})
    assert "Did you mean in" in one.way_out


def test_every_fault_is_named_with_the_value_found():
    said = {one.where: one for one in problems_of({"inner": {"planes": 0, "kind": "delt"}, "day": "soon"})}
    assert set(said) == {"name", "inner.planes", "inner.kind", "day"}
    assert "missing" in said["name"].rule
    assert "0" in said["inner.planes"].rule
    assert "greater than or equal to 1" in said["inner.planes"].rule
    assert said["inner.kind"].rule == "is 'delt'; it must be delta or star."
    assert said["inner.kind"].way_out == "Did you mean delta?"
    assert "'soon'" in said["day"].rule


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_refused(value):
    """TOML writes nan and inf; no quantity of ours is either."""

    class Numbers(Record):
        seconds: float

    with pytest.raises(InputError, match="seconds"):
        check(Numbers, {"seconds": value}, "file.toml")


# --- files --------------------------------------------------------------------------------------------------------


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as refused:
        read_toml(path)
    (problem,) = refused.value.problems
    assert problem.file == str(path)
    return str(problem)


def test_a_file_that_is_not_there(tmp_path):
    assert refusal(tmp_path / "no.toml") == f"{tmp_path / 'no.toml'}: there is no such file. Check the path."


def test_a_folder_in_place_of_a_file(tmp_path):
    assert "directory" in refusal(tmp_path)


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "a.toml").write_bytes(b"name = \xff")
    assert "cannot be read" in refusal(tmp_path / "a.toml")


def test_text_that_is_no_toml_is_refused_with_its_line(tmp_path):
    (tmp_path / "a.toml").write_text("name = 'x'\nstart == 3\n")
    assert "line 2" in refusal(tmp_path / "a.toml")


def test_toml_nested_beyond_reason_is_refused(tmp_path):
    (tmp_path / "a.toml").write_text("x = " + "[" * 100_000)
    assert "a.toml" in refusal(tmp_path / "a.toml")


def test_a_name_that_no_file_can_have_is_refused():
    assert "a\0b" in refusal(Path("a\0b.toml"))


def test_a_byte_order_mark_is_no_fault(tmp_path):
    """Windows editors write one."""
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfname = 'x'\n")
    assert read_toml(tmp_path / "a.toml") == {"name": "x"}


def test_half_a_pair_of_surrogates_is_no_text():
    """RFC 8259, section 8.2: what it stands for is unpredictable; RFC 8785 makes no hash of it."""
    with pytest.raises(InputError, match="is not JSON"):
        parse_json('{"reason": "\\ud800"}', "rules.json")
    assert parse_json('{"reason": "\\ud83d\\ude00"}', "rules.json") == {"reason": "\U0001f600"}
