"""Two books may use one id: whatever names a rule says which of the two it is, everywhere alike."""

from __future__ import annotations

import pyarrow.parquet as pq
from typer.testing import CliRunner

from openleo.cli import app
from openleo.instants import civil_instant
from openleo.places.expressions import Labels
from openleo.policy.answer import answer, where_of
from openleo.policy.decide import Because
from openleo.policy.entries import entries_of
from openleo.policy.explain import explain
from openleo.policy.explain_words import text
from openleo.policy.request import Request
from openleo.policy.rules import Rule, union
from openleo.policy.shadow import Shadow

AT = civil_instant("2026-11-20T00:00:00Z")
TONGA = Request(at=AT, latitude_deg=-21.13, longitude_deg=-175.2, uncertainty_m=5.0, class_="fixed")


def rule(book: str, id_: str = "1", effect: str = "permit") -> Rule:
    kept = None if effect == "permit" else "keep"
    return Rule(
        id_, book, effect, Labels(frozenset({"TON", "TON.sea12"})), emergency=kept, authority="a", reason=f"of {book}"
    )


def test_a_decision_names_the_book_of_an_id_that_two_use():
    decision = answer(union([rule("operator"), rule("regulator", effect="forbid")]), TONGA)
    assert decision.as_json()["because"] == [{"rule": "regulator/1", "authority": "a", "reason": "of regulator"}]
    assert decision.because[0].key == ("regulator", "1")
    alone = answer(union([rule("regulator", effect="forbid")]), TONGA)
    assert alone.as_json()["because"] == [{"rule": "1", "authority": "a", "reason": "of regulator"}]


def test_a_mask_an_explanation_and_a_decision_call_a_rule_alike():
    rules = union([rule("operator"), rule("regulator", effect="forbid"), rule("regulator", id_="2")])
    assert [one.rule for one in entries_of(rules, AT, ["fixed"])] == ["operator/1", "regulator/1", "2"]
    assert sorted(rules.names.values()) == ["2", "operator/1", "regulator/1"]
    said = text(explain(rules, TONGA, where_of(rules, TONGA)))
    assert '  by forbid "1" (regulator)\n' in said, "the permit of the other book's id decides nothing"


def test_reasons_are_the_same_by_book_and_id_and_not_by_what_a_set_calls_them():
    one = Because("1", "a", "r", ("operator", "1"))
    assert one == Because("operator/1", "a", "r", ("operator", "1"))
    assert one != Because("1", "a", "r", ("regulator", "1"))


def test_shadow_counts_another_books_rule_as_another_reason_and_names_it():
    one, other = union([rule("operator")]), union([rule("regulator")])
    shadow = Shadow(one, other)
    shadow.count(TONGA)
    assert (shadow.tally.other_permits, shadow.tally.different) == (1, 0)
    more = Shadow(one, union([rule("operator"), rule("regulator", id_="1", effect="forbid")]))
    more.count(TONGA)
    (example,) = more.tally.differences
    assert [one.rule for one in (*example.in_force.because, *example.beside.because)] == ["operator/1", "regulator/1"]
    same = Shadow(one, union([rule("operator"), Rule("1", "court", "permit", Labels(frozenset({"FJI"})))]))
    same.count(TONGA)
    assert same.tally.other_permits == 0, "it is the same rule, whatever each set calls it"


BOOK = """
schema = 1
book = "{book}"
[[rule]]
id = "1"
effect = "{effect}"
territory = {{ in = "TON" }}
authority = "a"
reason = "r"
{rest}
"""


def test_a_table_of_terminals_names_the_book(tmp_path):
    (tmp_path / "a.toml").write_text(BOOK.format(book="operator", effect="permit", rest=""))
    (tmp_path / "b.toml").write_text(BOOK.format(book="regulator", effect="forbid", rest='emergency = "keep"'))
    (tmp_path / "t.csv").write_text("id,class,lat_deg,lon_deg,uncertainty_m\nt-1,fixed,-21.13,-175.2,5\n")
    out = tmp_path / "out.parquet"
    files = [str(tmp_path / name) for name in ("a.toml", "b.toml")]
    done = CliRunner().invoke(
        app, ["policy", "decide", *files, "--terminals", str(tmp_path / "t.csv"), "--out", str(out)]
    )
    assert done.exit_code == 0, done.output
    assert pq.read_table(out).to_pylist()[0]["because"] == ["regulator/1"]
