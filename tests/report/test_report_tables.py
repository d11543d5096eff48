"""What the terminal says."""

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from openleo.report import tables, words
from openleo.service.amounts import Amount, EffectRow
from openleo.service.summary import TerritoryRow

NO_REASON = {"not_permitted": 0.0, "no_satellite": 0.0, "no_gateway": 0.0, "no_capacity": 0.0}


def shown(renderable, width: int = 80) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(renderable)
    return out.getvalue()


def row(may: float, can: float, served: float, **because: float) -> TerritoryRow:
    shares = {**NO_REASON, **because}
    return TerritoryRow("ATL", "Atlantis", 3, 2_000_000, 10.0, "population", can, may, served, 20.0, 30.0, shares)


@pytest.mark.parametrize(
    ("territory", "sentence"),
    [
        (row(1.0, 1.0, 1.0), "are served, with a median round-trip time of 20.0 ms."),
        (row(0.0, 1.0, 0.0, not_permitted=1.0), "can be served, none may be: not permitted."),
        (row(0.0, 0.9, 0.0, not_permitted=1.0), "can be served 90.0% of the time, none may be: not permitted."),
        (row(0.0, 0.0, 0.0, not_permitted=1.0), "cannot be served, and none may be: not permitted."),
        (row(1.0, 0.0, 0.0, no_gateway=1.0), "may be served, none can be: no gateway."),
        (row(1.0, 0.5, 0.5, no_gateway=0.5), "are served 50.0% of the time; otherwise no gateway."),
        (row(0.4, 1.0, 0.4, not_permitted=0.6), "40.0% may be served and 40.0% are; otherwise not permitted."),
    ],
)  # fmt: skip
def test_a_territory_in_a_sentence(territory, sentence):
    told = words.finding(territory)
    assert told.startswith(("Atlantis: 2.0 million people ", "Atlantis: of 2.0 million people, "))
    assert told.endswith(sentence)


def test_territories_fit_a_terminal(compared):
    text = shown(tables.territory_table(compared))
    assert "people can be served, none may be: not permitted." in text
    assert re.search(r"Singapore +5\.\d M +100% +0% +0% +– +not permitted", text)
    assert "Singapore, 0–12 nmi" in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_effect_in_a_sentence_and_a_table(compared):
    text = shown(tables.effect_table(compared))
    assert re.match(r"If after\.toml came into force: Singapore \(5\.\d million people\) gains service;\s+nobody", text)
    assert re.search(r"Singapore +fixed +– +5\.\d M +– +\d\d\.\d ms +sgp-1", text)
    assert "Nothing changes elsewhere; rows left out: 2" in text
    assert "not computed" in text


def test_a_change_that_gives_nothing_says_so(compared):
    assert compared.effect is not None
    nothing = Amount(0, 0.0, 0)
    rows = tuple(
        EffectRow(one.territory, one.class_, nothing, nothing, (20.0, 20.0), ()) for one in compared.effect.rows
    )
    same = replace(compared, effect=replace(compared.effect, rows=rows))
    assert "nobody gains service; nobody loses service." in words.effect_finding(same)
    taken = (EffectRow("SGP", "fixed", Amount(2, 700.0, 5_600_000), nothing, (20.0, None), ("x",)), *rows[1:])
    fewer = replace(compared, effect=replace(compared.effect, rows=taken))
    assert words.effect_finding(fewer).endswith("nobody gains service; Singapore (5.6 million people) loses service.")


def test_no_effect_without_a_second_rule_set(fiji):
    with pytest.raises(ValueError, match="no second rule set"):
        tables.effect_table(fiji)
    assert "Fiji" in shown(tables.territory_table(fiji))
