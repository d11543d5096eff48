"""A study of withdrawals from its file to its table: each row a run of what is left, ranked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

import withdrawals
from openleo.errors import InputError
from openleo.places.areas import parts_of
from openleo.reading import read_toml
from openleo.report import withdrawal_plot, withdrawal_text
from openleo.study.cuts import Cut
from openleo.study.dependence import Dependence, WithdrawalStudy, check_verified, mixes_of, run
from openleo.study.served import shares
from openleo.study.withdrawal import Thing, withdrawn
from openleo.study.withdrawal_file import WithdrawalRecord, read_withdrawal

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "studies" / "withdrawal-taiwan.toml"
QUESTIONS = """
kind = "withdrawal"
name = "small"
territories = ["TWN", "kinmen"]
{operators}
[withdraw]
countries = "all"
pops = ["Beta"]
isls = {isls}
cables = "all"
[[together]]
name = "two countries"
countries = ["JPN", "PHL"]
[[cable]]
name = "strait"
gateways = ["Middle", "South"]
source = "invented"
[[cut]]
kind = "country"
threshold = 0.2
after = {{ gateways = ["West"] }}
[[cut]]
kind = "cable"
[[sites]]
territory = "TWN"
number = 2
after = {{ countries = ["JPN", "PHL"] }}
"""


def study(folder: Path, isl: str = "none", operators: int = 1, slots: int = 4) -> WithdrawalStudy:
    named = []
    for number, shell in enumerate(("low", "high")[:operators]):
        own = folder / shell
        own.mkdir()
        which = (shell,) if operators > 1 else ("low", "high")
        path = withdrawals.written(own, isl=isl, shells=which, slots=slots)
        named.append(f'[[operator]]\nname = "{shell}"\nscenario = "{path.relative_to(folder)}"' if operators > 1
                     else f'scenario = "{path.relative_to(folder)}"')  # fmt: skip
        assert number < 2
    text = QUESTIONS.format(operators="\n".join(named), isls=str(isl != "none").lower())
    (folder / "study.toml").write_text(text)
    return read_withdrawal(read_toml(folder / "study.toml"), folder / "study.toml")


@pytest.fixture(scope="module")
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, executor: ThreadPoolExecutor) -> Dependence:
    return run(study(tmp_path_factory.mktemp("one")), executor)


def answers(found: Dependence) -> str:
    """All of it but the network's hash and notes, which name files."""
    return json.dumps({**found.as_json(), "operators": None})


def test_each_row_is_a_run_of_what_is_left_and_what_loses_most_stands_first(found):
    asked = found.study
    assert len(found.rows) == 2 * len(asked.withdrawals) == 2 * (4 + 1 + 1 + 1)
    (case,) = asked.cases.values()
    parts = parts_of(case.area, case.resolution)
    for withdrawal in asked.withdrawals:
        left = {one.territory: one for one in shares(withdrawn(asked.cases, withdrawal.things, asked.cables), parts)}
        for row in found.rows:
            if row.withdrawal == withdrawal:
                assert row.after == left[row.before.territory]
    for territory in ("TWN", "kinmen"):
        lost = [row.lost for row in found.of(territory)]
        assert lost == sorted(lost, reverse=True)
    assert found.of("TWN")[0].withdrawal.name == "two countries"
    top = found.table()[0]
    assert top["people_lost"] == round(top["people"] * (top["served_before"] - top["served"])) > 0


def test_what_is_found_is_verified_by_runs(found):
    country = [cut for cut in found.cuts if cut.kind == "country"]
    assert [cut.territory for cut in country] == ["TWN", "kinmen"]
    for cut in country:
        assert cut.exact
        assert cut.verified == pytest.approx(cut.left, abs=1e-6)
        assert cut.verified <= 0.2
        assert [thing.name for thing in cut.after] == ["West"]
    for cut in found.cuts:
        if cut.kind == "cable":  # most gateways hang on none
            assert cut.things is None
            assert cut.verified == pytest.approx(cut.left, abs=1e-6)
            assert cut.left > 0.0
    (sites,) = found.sites
    assert sites.before < sites.served <= sites.at_most + 1e-9
    assert sites.candidates > 2


def test_several_operators_are_told_alone_and_together_and_alike_on_processes(tmp_path, executor):
    asked = study(tmp_path, operators=2)
    found = run(asked, executor)
    assert [mix.operators for mix in found.mixes] == [("low",), ("high",), ("low", "high")]
    assert found.mixes[-1].shares == found.before
    parts = parts_of(asked.cases["low"].area, 3)
    for mix in found.mixes:
        alone = {one.territory: one for one in shares({name: asked.cases[name] for name in mix.operators}, parts)}
        assert mix.shares == tuple(alone[one.territory] for one in mix.shares)


def test_a_cable_that_is_cut_already_counts_as_none_of_a_set(tmp_path, executor):
    path = withdrawals.written(tmp_path, isl="none", slots=3)
    every = list(withdrawals.GATEWAYS)
    raw = {
        "kind": "withdrawal", "name": "x", "scenario": path.name, "territories": ["TWN"],
        "cable": [{"name": name, "gateways": every, "source": "invented"} for name in ("a", "b", "c")],
        "cut": [{"kind": "cable"}, {"kind": "cable", "after": {"cables": ["b"]}}],
    }  # fmt: skip
    found = run(read_withdrawal(raw, tmp_path / "study.toml"), executor)
    assert [[thing.name for thing in cut.things or ()] for cut in found.cuts] == [["a", "b", "c"], ["a", "c"]]
    assert [cut.verified for cut in found.cuts] == [0.0, 0.0]


@pytest.mark.slow
def test_processes_give_what_threads_give(tmp_path, executor):
    asked = study(tmp_path, operators=2)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        assert answers(run(asked, processes, threads=1)) == answers(run(asked, executor))


def test_mixes_of_many_operators_are_those_that_tell_most():
    assert mixes_of(["a"]) == []
    assert len(mixes_of(list("abcd"))) == 15
    assert len(mixes_of(list("abcdef"))) == 6 + 6 + 1


def test_progress_is_told_and_json_has_no_nan(tmp_path, executor):
    told: list[tuple[str, int, int]] = []
    small = replace(study(tmp_path, isl="+grid", slots=2), cuts=(), sites=())
    made = run(small, executor, on_done=lambda *one: told.append(one))
    assert told[0] == ("what is left", 0, len(small.withdrawals) + 1)
    assert told[-1] == ("what is left", len(small.withdrawals) + 1, len(small.withdrawals) + 1)
    json.dumps(made.as_json(), allow_nan=False)


def test_the_text_ranks_and_the_picture_has_a_panel_a_territory(found, tmp_path):
    said = withdrawal_text.text(found, most=3)
    assert said.splitlines()[0].startswith("Taiwan (")
    assert "two countries" in said.splitlines()[2]
    assert "and 4 withdrawals that matter less" in said
    assert "no smaller set leaves at most 20.0 %" in said
    assert "Best sites for gateways of small to serve Taiwan" in said
    figure = withdrawal_plot.drawn(found)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Taiwan", "Kinmen"]
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == withdrawal_plot.ranking(found, found.before)
    assert names[0] == "two countries"
    withdrawal_plot.draw(found, tmp_path / "w.png")
    assert (tmp_path / "w.png").read_bytes().startswith(b"\x89PNG")


def test_all_faults_of_a_study_are_told_together(tmp_path):
    path = withdrawals.written(tmp_path, isl="none")
    raw = {
        "kind": "withdrawal",
        "name": "x",
        "scenario": path.name,
        "withdraw": {"countries": ["KOR"], "isls": True, "gateway": ["North"]},
        "together": [{"name": "a", "pops": "Alfa"}, {"name": "a", "pops": "Alpha"}],
        "cable": [{"name": "c", "source": "invented", "gateways": ["Nort"]}, {"name": "c", "source": "invented"}],
        "sites": [{"territory": "TWN", "operator": "smal", "candidates": "none.csv"}],
    }
    with pytest.raises(InputError) as error:
        read_withdrawal(raw, tmp_path / "study.toml")
    said = "\n".join(str(problem) for problem in error.value.problems)
    for words in (
        'there is no key "gateway" here. Did you mean gateways?',
        "no working gateway in KOR",
        "no links between satellites to withdraw",
        "no PoP Alfa. Did you mean Alpha?",
        'two withdrawals are called "a"',
        'two cables are called "c"',
        '"c" names no station',
        'there is no gateway "Nort". Did you mean North?',
        'there is no operator "smal". Did you mean small?',
        "none.csv cannot be read",
    ):
        assert words in said, words


def test_what_cannot_be_asked_is_refused(tmp_path, executor):
    path = withdrawals.written(tmp_path)
    base = {"kind": "withdrawal", "name": "x", "scenario": path.name}
    with pytest.raises(InputError, match="asks nothing"):
        read_withdrawal(base, tmp_path / "study.toml")
    with pytest.raises(InputError, match="needs a scenario, or"):
        read_withdrawal({**base, "operator": [{"name": "a", "scenario": path.name}]}, tmp_path / "study.toml")
    asked = {**base, "territories": ["PHL"], "withdraw": {"isls": True}}
    with pytest.raises(InputError, match="PHL has no part in the area"):
        run(read_withdrawal(asked, tmp_path / "study.toml"), executor)
    asked = {**base, "cut": [{"kind": "plane"}]}
    with pytest.raises(InputError, match="that no link between satellites joins"):
        run(read_withdrawal(asked, tmp_path / "study.toml"), executor)
    nobody = {"operators": ["small"]}
    asked = {**base, "cut": [{"kind": "country", "after": nobody}], "sites": [{"territory": "TWN", "after": nobody}]}
    with pytest.raises(InputError, match="leaves no operator") as error:
        run(read_withdrawal(asked, tmp_path / "study.toml"), executor)
    assert "withdraws small, whose sites are asked for" in str(error.value)


def test_a_set_is_not_told_where_single_runs_do_not_say_it(tmp_path, executor):
    def refused(why: str, more: str = "", **asked: object) -> None:
        path = withdrawals.written(tmp_path, isl="none", shells=("low",), slots=2, more=more)
        table = {"kind": "withdrawal", "name": "x", "scenario": path.name, **asked}
        with pytest.raises(InputError, match=why):
            run(read_withdrawal(table, tmp_path / "study.toml"), executor)

    half = '[[failures.out]]\nkind = "pop"\nname = "Alpha"\nuntil = 2026-11-20T00:01:00Z'
    refused("needs PoPs that work all of the time or never", half, cut=[{"kind": "pop"}])
    cable = {"name": "strait", "gateways": ["South"], "pops": ["Alpha"], "source": "invented"}
    asked = {"kind": "cable", "after": {"pops": ["Beta"]}}
    refused("here the loss of PoPs can end service too", cable=[cable], cut=[asked])


def test_a_set_that_a_run_contradicts_is_not_told():
    cut = Cut("TWN", "gateway", 0.0, 1.0, (Thing("gateway", "South"),), 0.0, 1, verified=0.5)
    with pytest.raises(InputError, match=r"leave 0.000000 served without the set found, and a run without them 0.5"):
        check_verified([cut], "gateway", "study.toml")


@pytest.mark.slow
def test_the_example_gives_what_its_page_says(executor):
    page = (ROOT / "docs" / "how-to" / "withdrawal.md").read_text(encoding="utf-8")
    raw = {**read_toml(EXAMPLE), "sites": [], "cut": [{"kind": "operator"}]}
    found = run(read_withdrawal(raw, EXAMPLE), executor)
    assert all(cut.exact for cut in found.cuts)
    said = {
        row.withdrawal.name: [one.after for one in found.rows if one.withdrawal == row.withdrawal] for row in found.rows
    }
    for name in ("Starlink and OneWeb", "Starlink only, no links", "Starlink only, no links, PHL", "operator Starlink"):
        cells = [f"{withdrawal_plot.percent_text(one.served)}, {one.rtt_ms_p50:.0f} ms" for one in said[name]]
        assert f"| {name} | {' | '.join(cells)} |" in page


def models(record: type[BaseModel]) -> set[type[BaseModel]]:
    """A record and all that stand in it."""
    inner = {one for field in record.model_fields.values() for one in (field.annotation, *get_args(field.annotation))}
    below = {one for one in inner if isinstance(one, type) and issubclass(one, BaseModel)}
    return {record}.union(*(models(one) for one in below))


def test_every_key_of_the_file_is_explained_on_its_page():
    page = (ROOT / "docs" / "how-to" / "withdrawal.md").read_text(encoding="utf-8")
    for record in models(WithdrawalRecord):
        for key, field in record.model_fields.items():
            assert f"`{key}`" in page, f"{record.__name__}.{key}"
            assert field.description or key == "kind" or models(record) != {record}
