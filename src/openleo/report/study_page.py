"""The report of a study as one HTML file that opens offline: no script, no request, pictures embedded.

Findings in words first, then what moves each figure, how each territory fares, how runs are distributed, and the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from openleo.errors import counted, join_or
from openleo.places.territories import display_name
from openleo.report import study_plot
from openleo.report.html_parts import Markup, joined, page, paragraph, picture, table, tag
from openleo.report.study_plot import MOST_LINES, MOST_PANELS, NAMES, UNITS, Moved
from openleo.study.dataset import type_of
from openleo.study.main_effects import MOST_LEVELS, Levels, chance, levels_of, main_effect, ranked
from openleo.study.plan import Between, Counted, Factor, Plan
from openleo.study.sides import BECAUSE, FIGURES, SHARES, Side, sides_of

TOLD = ("can_serve", "served", "rtt_ms_p50", "rtt_ms_p95", "down_mbps_p50", "up_mbps_p50")
LEAST = {figure: 1e-6 if figure in SHARES else 1e-3 for figure in FIGURES}  # smaller differences are none
MOST_ACROSS = 3  # panels of a picture of distributions
MOST_BESIDE = 2  # and of one of bars, where labels are short
KINDS = {"double": "number", "int64": "whole number", "bool": "yes or no"}
MOST_NAMED = 8  # levels of a factor
MOST_ROWS = 60  # levels in a table
LONG_LABEL = 12  # letters: bars whose labels are longer have a picture each


def render(name: str, plan: Plan, table_: pa.Table) -> str:
    """The whole page of a study's dataset. `plan`: of the study, which says what its factors are."""
    said = {key.decode(): value.decode() for key, value in (table_.schema.metadata or {}).items()}
    sides = sides_of(table_)
    seeds = tuple(one.name for one in plan.factors if is_seed(one))
    body = [_header(name, said, plan, sides, seeds)]
    for number, side in enumerate(sides):
        body += _side(side, plan, seeds, number, alone=len(sides) == 1)
    body += [_factors(plan, seeds), _terms()]
    foot = f"OpenLEO {said['openleo']}. All rows are in dataset.parquet, quantiles by territory in study.json."
    return page(f"{name}: a study", tag("main", *body, tag("footer", paragraph(foot))))


def is_seed(factor: Factor) -> bool:
    """Whether all that a factor sets are seeds: which one is chance, and no choice.

    >>> is_seed(Factor("draw", Counted("failures.random.seed", 100)))
    True
    """
    levels = factor.levels
    keys = (
        [levels.key] if isinstance(levels, Between | Counted) else [key for one in levels for key, _ in one.overrides]
    )
    return bool(keys) and all(key.rpartition(".")[2] == "seed" for key in keys)


def _header(name: str, said: Mapping[str, str], plan: Plan, sides: Sequence[Side], seeds: Sequence[str]) -> Markup:
    runs = max((side.runs for side in sides), default=0)
    of = f" of its {len(plan):,}" if runs < len(plan) else ""
    how = {"grid": "every value with every other", "list": "the values side by side", "sample": "values drawn"}
    meta = f"{said['scenario']}, {counted(runs, 'run', form=',')}{of}: {how[plan.kind]}."
    finding = [paragraph(sentence) for side in sides for sentence in findings(side, seeds, alone=len(sides) == 1)]
    return tag(
        "header", tag("h1", f"Study: {name}"), paragraph(meta, class_="meta"), tag("div", *finding, class_="finding")
    )


def findings(side: Side, seeds: Sequence[str], *, alone: bool = True) -> Iterator[str]:
    """What came out, in sentences: how much is served, and what moves it most."""
    whose = "" if alone else f"{_of(side)}: "
    served = side.whole("served")
    if np.isnan(served).all():
        yield f"{whose}No run has anybody to serve."
        return
    if side.runs == 1:
        yield f"{whose}One run: {_text('served', float(served[0]))} is served. A distribution takes several."
        return
    if not varies("served", served):
        yield f"{whose}{_text('served', float(served[0]))} is served in all {side.runs:,} runs."
    else:
        p5, p50, p95 = np.nanquantile(served, (0.05, 0.5, 0.95)).tolist()
        yield (
            f"{whose}{_text('served', p50)} of people × time is served in the median run, "
            f"{_text('served', p5)} at the 5th percentile of runs and {_text('served', p95)} at the 95th."
        )
    choices = {factor: values for factor, values in side.factors.items() if factor not in seeds}
    for figure in ("served", "rtt_ms_p50"):
        values = side.whole(figure)
        for most in ranked(choices, values)[:1] if varies(figure, values) else []:
            low, high = (_text(figure, most.mean[at]) for at in (most.least, most.greatest))
            if low != high:
                ends = f"from {low} (at {most.labels[most.least]}) to {high} (at {most.labels[most.greatest]})"
                yield f"{most.factor} moves the {_noun(figure)} most: {ends}."


def _side(side: Side, plan: Plan, seeds: Sequence[str], number: int, *, alone: bool) -> list[Markup]:
    """The sections of one rule set and class."""
    varying = [figure for figure in TOLD if varies(figure, side.whole(figure)) or _any_varies(figure, side)]
    varying = [one for one in varying if one != "can_serve" or not _same(side, "can_serve", "served")]
    which = _most_moved(side, varying)
    sections = [
        ("moves", "What moves it", _moves(side, plan, seeds, varying)),
        ("levels", "Level by level", _by_level(side, seeds)),
        ("territories", "Territory by territory", _multiples(side, seeds, varying, which)),
        ("runs", "How runs are distributed", _cdfs(side, seeds, varying)),
        ("table", "All territories", _table(side)),
    ]
    whose = "" if alone else f" ({_of(side)})"
    return [
        tag("section", tag("h2", title + whose), content, id=f"{anchor}-{number}")
        for anchor, title, content in sections
        if content
    ]


def varies(figure: str, values: Any) -> bool:
    """Whether a figure differs between runs, axis (run,), by more than rounding."""
    there = values[~np.isnan(values)]
    return len(there) > 1 and float(there.max() - there.min()) > LEAST[figure]


def _any_varies(figure: str, side: Side) -> bool:
    return any(varies(figure, values) for values in side.figures[figure].T)


def _same(side: Side, one: str, other: str) -> bool:
    return bool(np.allclose(side.figures[one], side.figures[other], atol=LEAST[one], equal_nan=True))


def _most_moved(side: Side, varying: Sequence[str]) -> list[int]:
    """The territories to draw: all, or those that move most by the first figure that varies, in their own order."""
    if len(side.territories) <= MOST_PANELS or not varying:
        return list(range(len(side.territories)))
    values = side.figures[varying[0]]
    there = ~np.isnan(values)
    span = np.where(there, values, -np.inf).max(axis=0) - np.where(there, values, np.inf).min(axis=0)
    return sorted(np.argsort(-span, kind="stable")[:MOST_PANELS].tolist())


def _moves(side: Side, plan: Plan, seeds: Sequence[str], varying: Sequence[str]) -> Markup:
    choices = {factor: values for factor, values in side.factors.items() if factor not in seeds}
    made = []
    for figure in (one for one in varying if varies(one, side.whole(one))):
        values = side.whole(figure)
        beside = chance(list(choices.values()), values) if seeds else None
        moved = Moved(figure, ranked(choices, values), beside, float(np.nanmean(values)))
        if moved.effects or moved.chance:
            made.append(moved)
    if not made:
        return paragraph("Nothing: no figure differs between runs.")
    words = []
    if choices:
        words.append(
            "A bar goes from the least mean over the runs of a factor's level to the greatest; these two levels stand "
            "beside it. The line is the mean of all runs."
        )
    if seeds:
        words.append(
            "Chance is what seeds alone do: of ten runs that are alike in all else nine lie so far from their mean."
            if any(one.chance for one in made)
            else f"What seeds alone do ({join_or(seeds)}) cannot be told apart: no two runs are alike in all else."
        )
    if any(len(set(values.tolist())) > MOST_LEVELS and values.dtype.kind in "iuf" for values in choices.values()):
        words.append("Numbers with many values are taken in fifths of the runs, called by their least and greatest.")
    if plan.kind == "list" and len(choices) > 1:
        words.append("The factors of this study move together, so what one does is mixed with what the others do.")
    pictures = []
    long = any(len(label) > LONG_LABEL for one in made for effect in one.effects for label in effect.labels)
    across = 1 if long else MOST_BESIDE
    for first in range(0, len(made), across):
        some = made[first : first + across]
        alt = "; ".join(_tornado_words(one) for one in some)
        pictures.append(picture(study_plot.png(study_plot.tornado(some)), f"Bars. {alt}.", class_="plot"))
    return joined([*map(paragraph, words), *pictures])


def _by_level(side: Side, seeds: Sequence[str]) -> Markup:
    """A table a factor: the means over the runs of each level, and why people are not served."""
    made = []
    for factor, values in side.factors.items():
        levels = levels_of(values)
        if factor in seeds or not 1 < len(levels.labels) <= MOST_ROWS:
            continue
        served, rtt = (main_effect(factor, levels, side.whole(name)).mean for name in ("served", "rtt_ms_p50"))
        why = [main_effect(factor, levels, side.whole(name)).mean for name in BECAUSE]
        rows = [
            (label, f"{int((levels.of_run == level).sum()):,}", _or_none("served", served[level]),
             _reasons([mean[level] for mean in why]), _or_none("rtt_ms_p50", rtt[level]))
            for level, label in enumerate(levels.labels)
        ]  # fmt: skip
        heads = (factor, "Runs >", "Served >", "Otherwise", "RTT p50 >")
        made.append(table(f"Means over the runs of each {factor}; RTT over those that serve anybody.", heads, rows))
    return joined(made)


def _or_none(figure: str, value: float) -> str:
    return "–" if np.isnan(value) else _text(figure, float(value))


def _reasons(shares: Sequence[float]) -> str:
    told = [
        f"{name.replace('_', ' ')} {_text('served', share)}"
        for name, share in zip(BECAUSE, shares, strict=True)
        if share > LEAST["served"]
    ]
    return ", ".join(told) or "–"


def _tornado_words(moved: Moved) -> str:
    said = [
        f"{one.factor} from {_text(moved.figure, one.mean[one.least])} at {one.labels[one.least]} "
        f"to {_text(moved.figure, one.mean[one.greatest])} at {one.labels[one.greatest]}"
        for one in moved.effects
    ]
    if moved.chance:
        low, high = (_text(moved.figure, moved.mean + end) for end in (moved.chance.low, moved.chance.high))
        said.append(f"chance from {low} to {high}")
    return f"{NAMES[moved.figure]}: " + ", ".join(said)


def _main(side: Side, seeds: Sequence[str], figure: str) -> tuple[str | None, Levels | None]:
    """The factor that moves a figure most, with its levels; none where only seeds do."""
    choices = {factor: values for factor, values in side.factors.items() if factor not in seeds}
    effects = ranked(choices, side.whole(figure))
    if not effects:
        return None, None
    return effects[0].factor, levels_of(choices[effects[0].factor])


def _multiples(side: Side, seeds: Sequence[str], varying: Sequence[str], which: Sequence[int]) -> Markup:
    if not varying:
        return paragraph("Nothing is drawn: no territory's figures differ between runs. The table has them.")
    pieces: list[Markup] = []
    if len(which) < len(side.territories):
        left = len(side.territories) - len(which)
        pieces.append(paragraph(f"The {len(which)} that move most; {left:,} more are in the table."))
    for figure in (one for one in varying if _any_varies(one, side)):
        moving = [one for one in which if varies(figure, side.figures[figure][:, one])]
        factor, levels = _main(side, seeds, figure)
        if factor is None or levels is None:
            drawn = study_plot.histograms(side, figure, moving)
            words = f"{_noun(figure).capitalize()}: how many runs have how much."
        else:
            drawn = study_plot.multiples(side, figure, factor, levels, moving)
            words = (
                f"{_noun(figure).capitalize()} by {factor}: the dot is the median of runs, the broad line half of "
                "them, the thin one nine of ten."
            )
        if still := [one for one in which if one not in moving]:
            words += f" The same in all runs: {_and(side, still)}."
        alt = f"Panels for {_and(side, moving)}. {words}"
        pieces += [paragraph(words), picture(study_plot.png(drawn), alt, class_="plot")]
    return joined(pieces)


def _and(side: Side, which: Sequence[int]) -> str:
    return join_or([display_name(side.territories[one]) for one in which]).replace(" or ", " and ")


def _cdfs(side: Side, seeds: Sequence[str], varying: Sequence[str]) -> Markup:
    shown = [figure for figure in varying if varies(figure, side.whole(figure))]
    if not shown:
        return paragraph("All runs are alike over all territories together.")
    pieces = [
        paragraph(
            "Over all territories together, each by its people: the share of runs with at most so much."
            " Lines are the levels of the factor that moves it most." + _without(side)
        )
    ]
    for first in range(0, len(shown), MOST_ACROSS):
        some = shown[first : first + MOST_ACROSS]
        figures = []
        for figure in some:
            factor, levels = _main(side, seeds, figure)
            few = levels is not None and len(levels.labels) <= MOST_LINES
            figures.append((figure, factor if few else None, levels if few else None))
        alt = "; ".join(f"{NAMES[one]} from {_ends(one, side.whole(one))}" for one in some)
        drawn = study_plot.cdfs(side, figures)
        pieces.append(picture(study_plot.png(drawn), f"Distributions over runs. {alt}.", class_="plot"))
    return joined(pieces)


def _without(side: Side) -> str:
    none = int(np.isnan(side.whole("rtt_ms_p50")).sum())
    return f" Round trips are of the {side.runs - none:,} runs of {side.runs:,} that serve anybody." if none else ""


def _ends(figure: str, values: Any) -> str:
    return f"{_text(figure, float(np.nanmin(values)))} to {_text(figure, float(np.nanmax(values)))}"


def _table(side: Side) -> Markup:
    figures = [one for one in TOLD if not np.isnan(side.figures[one]).all()]
    heads = ["Territory", "Id", *(f"{_noun(one).capitalize()} >" for one in figures)]
    rows = [
        [display_name(territory), territory, *(_quantiles(one, side.figures[one][:, place]) for one in figures)]
        for place, territory in enumerate(side.territories)
    ]
    return table("Median over the runs, and the 5th and 95th percentile.", heads, rows)


def _quantiles(figure: str, values: Any) -> str:
    there = values[~np.isnan(values)]
    if not len(there):
        return "–"
    p5, p50, p95 = np.quantile(there, (0.05, 0.5, 0.95)).tolist()
    if not varies(figure, there):
        return _text(figure, p50)
    return f"{_text(figure, p50)} ({_text(figure, p5)} to {_text(figure, p95)})"


def _factors(plan: Plan, seeds: Sequence[str]) -> Markup:
    rows = [
        [one.name, "seed" if one.name in seeds else KINDS.get(str(type_of(one)), "name"), _levels(one)]
        for one in plan.factors
    ]
    made = table("What differs from run to run.", ["Factor", "Kind", "Values"], rows)
    return tag("section", tag("h2", "Factors"), made, id="factors")


def _levels(factor: Factor) -> str:
    levels = factor.levels
    if isinstance(levels, Between):
        return f"{levels.least:g} to {levels.greatest:g} ({levels.key})"
    if isinstance(levels, Counted):
        return f"{levels.first:,} to {levels.first + levels.count - 1:,} ({levels.key})"
    keys = ", ".join(dict.fromkeys(chain.from_iterable((key for key, _ in one.overrides) for one in levels)))
    named = ", ".join(str(one.value) for one in levels[:MOST_NAMED])
    more = f" and {len(levels) - MOST_NAMED:,} more" if len(levels) > MOST_NAMED else ""
    return f"{named}{more} ({keys})"


def _terms() -> Markup:
    shares = (
        "Shares are of people × time, of area × time where nobody lives. Over several territories they are weighted by "
        "people, round trips and rates by the people served: where nobody is served a run has none."
    )
    spread = "What runs share is not told by their spread: the scenario's assumptions, and whatever no factor varies."
    said = (shares, spread)
    return tag("section", tag("h2", "How to read it"), *map(paragraph, said), id="terms")


def _of(side: Side) -> str:
    return f"{'the second rule set' if side.under == 'compare' else 'rules'}, {side.class_}"


def _noun(figure: str) -> str:
    return f"share {NAMES[figure]}" if figure in SHARES else NAMES[figure]


def _text(figure: str, value: float) -> str:
    """A figure as it is told.

    >>> _text("served", 0.98765), _text("rtt_ms_p50", 31.26)
    ('98.8 %', '31.3 ms')
    """
    return f"{100.0 * value:.1f} %" if figure in SHARES else f"{value:.1f} {UNITS[figure]}"
