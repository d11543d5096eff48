"""`openleo policy diff`: files and folders, text and JSON."""

from __future__ import annotations

import pytest

RULE = """
[[rule]]
id = "{id}"
effect = "permit"
territory = {{ in = "{place}" }}
reason = "service is licensed"
"""


@pytest.fixture
def write(tmp_path):
    def write(name, *rules, book="operator"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        said = "".join(RULE.format(id=id_, place=place) for id_, place in rules)
        path.write_text(f'schema = 1\nbook = "{book}"\n{said}')

    return write


def test_two_files(run, write):
    write("old.toml", ("lux", "LUX"))
    write("new.toml", ("bel", "BEL"), ("lux", "LUX"))
    done = run("policy", "diff", "old.toml", "new.toml")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Rules: 1 -> 2: 1 added, 0 removed, 0 changed, 1 unchanged.\n")
    assert '\n+ permit "bel" (operator): service is licensed\n    any terminal in BEL; always\n' in done.out
    assert done.out.endswith('Territories\n  BEL: gains permit "bel" (operator)\n')
    answer = run("policy", "diff", "old.toml", "new.toml", "--json").json
    assert (answer["old"]["files"], answer["new"]["rules"], answer["unchanged"]) == (["old.toml"], 2, 1)
    (added,) = answer["added"]
    assert (added["rule"], added["book"], added["keys"]["territory"]) == ("bel", "operator", "BEL")


def test_a_folder_is_the_union_of_its_books(run, write):
    for folder in ("old", "new"):
        write(f"{folder}/a.toml", ("lux", "LUX"))
        write(f"{folder}/b.toml", ("lux", "BEL" if folder == "old" else "NLD"), book="court")
    done = run("policy", "diff", "old", "new")
    assert "0 added, 0 removed, 1 changed, 1 unchanged" in done.out
    assert '~ permit "lux" (court): service is licensed\n    territory: BEL -> NLD\n' in done.out
    assert "now also in NLD\n    no longer in BEL\n" in done.out
    assert "No difference: 2 rules" in run("policy", "diff", "old", "old").out


def test_faults_of_both_are_told_together(run, write, tmp_path):
    write("old.toml", ("lux", "LUY"))
    (tmp_path / "empty").mkdir()
    done = run("policy", "diff", "old.toml", "empty")
    assert (done.code, done.out) == (2, "")
    assert 'there is no territory "LUY"' in done.err
    assert "empty: is a folder without a rule file" in done.err


JAPAN = """schema = 1
book = "operator"

[[rule]]
id = "jpn"
effect = "permit"
territory = { in = "JPN", include = [] }
reason = "service is licensed"
"""
UNDER = """\
Under the view de-facto: a contested area belongs to whoever administers it.
1 of 1 rule reaches otherwise than as written.

permit "jpn" (operator)
  gains senkaku (Senkaku Islands): 9 km², 0 people

Sources
  senkaku: administered by JPN; claimed by CHN, TWN, as of 2026-11-01
    China's Law on the Territorial Sea and the Contiguous Zone (1992); \
Japan, Basic View on the Sovereignty over the Senkaku Islands
Areas: of a territory its land, of a part the part. People are estimates.
"""


def test_a_view_of_one_set(run, tmp_path):
    (tmp_path / "r.toml").write_text(JAPAN)
    done = run("policy", "diff", "r.toml", "--view", "de-facto")
    assert (done.code, done.err, done.out) == (0, "", UNDER)
    checked = run("policy", "check", "r.toml", "--view", "de-facto")
    assert checked.out.endswith("\n\n" + UNDER)
    answer = run("policy", "diff", "r.toml", "--view", "claims:jpn", "--json").json
    assert answer["view"] == "claims:JPN"
    assert [row["territory"] for row in answer["changes"]] == ["dokdo", "senkaku", "southern-kurils"]
    assert run("policy", "check", "r.toml", "--view", "claims:JPN", "--json").json["view"] == answer


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("r.toml",), "OLD NEW: two rule sets are compared, and 1 given."),
        (("r.toml", "r.toml", "r.toml"), "OLD NEW: two rule sets are compared, and 3 given"),
        (("r.toml", "--view", "ours"), '--view: there is no view "ours"'),
    ],
)
def test_arguments_at_fault_are_exit_2(run, tmp_path, arguments, said):
    (tmp_path / "r.toml").write_text(JAPAN)
    done = run("policy", "diff", *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
