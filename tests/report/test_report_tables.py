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
    said = " ".join(text.split())
    assert said.startswith(
        "If after.toml came into force: Singapore (5.6 million people) and Singapore, 0 to 12 nautical "
    )
    assert re.search(r"nautical miles \([\d,]+ km²\) gain service; nobody loses service\.", said)
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


def test_what_other_classes_and_seas_lose_is_told_first(compared):
    """The headline said "nobody" where only emergency terminals lost service, or only a sea."""
    nothing, some = Amount(0, 0.0, 0), Amount(2, 700.0, 5_600_000)
    sea = Amount(3, 1_234.0, 0)

    def told(*rows: EffectRow) -> str:
        effect = replace(compared.effect, rows=rows)
        return words.effect_finding(replace(compared, effect=effect)).partition("came into force: ")[2]

    def lost(territory: str, class_: str, amount: Amount, may_lose: Amount = nothing) -> EffectRow:
        return EffectRow(territory, class_, amount, nothing, (20.0, None), ("x",), may_lose)

    singapore = "Singapore (5.6 million people)"
    assert compared.service.class_ == "fixed"
    emergency = [lost("SGP", "fixed", nothing), lost("SGP", "emergency", some)]
    assert told(*emergency) == f"nobody gains service; {singapore} loses service for class emergency."
    both = [lost("SGP", "fixed", some), lost("SGP", "emergency", some)]
    assert told(*both) == f"nobody gains service; {singapore} loses service for classes fixed and emergency."
    apart = told(lost("SGP", "fixed", sea), lost("SGP", "emergency", some))
    assert apart.endswith(f"; Singapore (1,234 km²) loses service; {singapore} loses service for class emergency.")
    waters = [lost("SGP", "fixed", some), lost("SGP.sea12", "fixed", sea), lost("MYS.sea12", "fixed", sea)]
    assert told(*waters).endswith(f"; {singapore} and 2 strips of sea (2,468 km²) lose service.")
    assert told(lost("SGP", "fixed", nothing, some)) == f"nobody gains service; {singapore} perhaps loses service."
    assert told(lost("SGP", "fixed", nothing)) == "nobody gains service; nobody loses service."


def test_no_effect_without_a_second_rule_set(fiji):
    with pytest.raises(ValueError, match="no second rule set"):
        tables.effect_table(fiji)
    assert "Fiji" in shown(tables.territory_table(fiji))
