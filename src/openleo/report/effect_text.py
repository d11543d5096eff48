"""An effect in plain words, the same for a terminal, a file and a test: who loses, who gains, and by which rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from openleo.errors import counted
from openleo.instants import instant_text
from openleo.report.tables import short_name
from openleo.report.words import by_people_moved, listed
from openleo.service.amounts import NO_RATES, Amount, EffectRow, EffectTotal, Moved
from openleo.service.effect import Changed, Edge, Effect, Elsewhere, NamedRule

INDENT = " " * 4
CLASS_COLUMNS = 22
MOST_INSTANTS = 5  # listed
MOST_MOVED = 12  # territories in which shared beams alone change something
NOT_KNOWN = "not known"
SAYS = (("lost", "loses:   "), ("may_lose", "may lose:"), ("gained", "gains:   "), ("may_gain", "may gain:"))
NO_CAPACITY = "What shared beams would take is not computed."
Said = TypeVar("Said")
Gateways = frozenset[str]  # the rules on gateways among those that are named


def text(effect: Effect, names: tuple[str, str]) -> str:
    """The whole of an effect. `names` are of the old rules and of the new, for people."""
    lines = [f"From {names[0]} to {names[1]}"]
    if effect.at is not None:
        lines.append(f"At {instant_text(effect.at)}, over {counted(effect.slots, 'slot', form=',')} of the network.")
    gateways = frozenset(rule.rule for rule in effect.rules if rule.applies_to == "gateway")
    lines += ["", *(_rows(effect, gateways) or [_nothing(effect)])]
    lines += ["", *_moved(effect)] if effect.shared else []
    for edge in effect.edges:
        lines += ["", *_edge(edge, gateways)]
    if effect.edges_left_out:
        lines += ["", f"Further changes ahead that are not told: {effect.edges_left_out}."]
    if untold := effect.edges_untold:
        when = ", ".join(instant_text(instant) for instant in untold[:MOST_INSTANTS])
        more = f" and {len(untold) - MOST_INSTANTS} more" if len(untold) > MOST_INSTANTS else ""
        lines += ["", f"Not computed, as other gateways are a network of their own each: the changes at {when}{more}."]
        lines += [f"`openleo policy effect` with `--at {instant_text(untold[0])}` tells of that one, and so on."]
    if alike := effect.edges_alike:
        times = "" if len(alike) == 1 else f" ({len(alike)} such times)"
        lines += [
            "",
            f"Both rule sets change alike at {instant_text(alike[0])}{times}, which is no part of the effect.",
        ]
    if effect.edges_go_on:
        lines += ["", "Weekly periods go on: edges like these come back beyond what is told here."]
    lines += ["", *_elsewhere(effect.elsewhere)] if effect.elsewhere else []
    if effect.beam_km is not None and not any(row.beam_rule for row in effect.rows):
        lines += ["", *_spill(effect)]
    if effect.rules:
        lines += ["", "Rules that make the difference:", *(INDENT + _rule(rule) for rule in effect.rules)]
    lines += [*_on_gateways(effect, gateways)] if gateways else []
    lines += ["", *effect.notes] if effect.notes else []
    lines += [] if effect.shared else ["", NO_CAPACITY]
    lines += ["", f"Fingerprint: {effect.sha256}"] if effect.shared else [f"Fingerprint: {effect.sha256}"]
    return "\n".join(lines) + "\n"


def _on_gateways(effect: Effect, gateways: Gateways) -> list[str]:
    """How rules on gateways are named, and how terminals count that they leave less of the time."""
    lines = []
    if len(gateways) > 1:
        lines += [
            "Of rules on gateways all are named that change which are used; whom each of them serves is not told."
        ]
    if effect.terminals is not None:
        lines += ["With other gateways a terminal is lost if less than half of its time is left, and gained if it more"]
        lines += ["than doubles; people count by the share of time."]
    return ["", *lines] if lines else []


def _nothing(effect: Effect) -> str:
    """What is said where no row changes, which is of the instant alone where anything lies ahead."""
    ahead = len(effect.edges_untold) + effect.edges_left_out
    when = f" at {instant_text(effect.at)}" if effect.at is not None and (ahead or effect.edges) else ""
    if ahead:
        are = "is" if ahead == 1 else "are"
        return f"Nothing changes{when}; {counted(ahead, 'change', form=',')} ahead {are} not computed."
    return f"Nothing changes{when}: nobody loses service and nobody gains it."


def _rows(effect: Effect, gateways: Gateways) -> list[str]:
    """Totals of every class in which something changes, then each such territory, with its emergency terminals."""
    rows, totals, alone = effect.rows, effect.totals, effect.shared is None
    changed = [row for row in rows if row.changed]
    if not changed:
        return []
    lines = []
    total = {one.class_: one for one in totals}
    for classes, some in _alike(changed, lambda mine: _total(mine, total[mine[0].class_])):
        lines += [f"{listed(classes):<{CLASS_COLUMNS}} {line}" for line in some]
    if not any(row.emergency for row in changed):
        lines += [f"{row.class_:<{CLASS_COLUMNS}} nothing changes" for row in rows if row.emergency][:1]
    told = territories_told(rows)
    untouched = len({row.territory for row in rows}) - len(told)
    for territory, mine in told.items():
        lines += ["", short_name(territory), *(INDENT + line for line in _territory(mine, gateways))]
    if untouched:
        others = counted(untouched, "other territory", "other territories")
        lines += ["", f"{'Nothing changes' if alone else 'Rules change nothing'} in {others} of the area."]
    return lines


def territories_told(rows: Sequence[EffectRow]) -> dict[str, list[EffectRow]]:
    """The rows of each territory in which something changes: those that change, and of emergency terminals always."""
    by_territory: dict[str, list[EffectRow]] = {}
    for row in rows:
        by_territory.setdefault(row.territory, []).append(row)
    return {
        territory: [row for row in mine if row.changed or row.emergency]
        for territory, mine in by_territory.items()
        if any(row.changed for row in mine)
    }


def _territory(rows: Sequence[EffectRow], gateways: Gateways) -> list[str]:
    lines = []
    together = _alike(rows, lambda some: _said(some[0], gateways))
    wide = _width(classes for classes, _ in together)
    for classes, (said, because) in together:
        lines += [f"{listed(classes):<{wide}} {one}" for one in said]
        lines += [f"{'':<{wide}} {one}" for one in because]
    return lines


def _width(some: Iterable[list[str]]) -> int:
    """Columns for the classes of a territory: as many as for all, where they do."""
    return max(CLASS_COLUMNS, *(len(listed(classes)) for classes in some))


def _alike(rows: Sequence[EffectRow], say: Callable[[list[EffectRow]], Said]) -> list[tuple[list[str], Said]]:
    """Classes of which the same is to be said, together; emergency terminals always by themselves."""
    by_class: dict[str, list[EffectRow]] = {}
    for row in rows:
        by_class.setdefault(row.class_, []).append(row)
    together: list[tuple[list[str], Said, bool]] = []
    for class_, mine in by_class.items():
        said, emergency = say(mine), mine[0].emergency
        for classes, other, alone in together:
            if other == said and not (alone or emergency):
                classes.append(class_)
                break
        else:
            together.append(([class_], said, emergency))
    return [(classes, said) for classes, said, _ in together]


def _total(rows: Sequence[EffectRow], total: EffectTotal) -> list[str]:
    lines = []
    for what, says in SAYS:
        if some := [row for row in rows if getattr(row, what)]:
            where = counted(len(some), "territory or strip of sea", "territories and strips of sea")
            lines.append(f"{says} {amount(getattr(total, what))}, in {where}")
    return lines


def _said(row: EffectRow, gateways: Gateways) -> tuple[list[str], list[str]]:
    """(what changes, why and how fast it is)."""
    said = [f"{says} {amount(getattr(row, what))}" for what, says in SAYS if getattr(row, what)]
    if not said:
        return ["nothing changes"], []
    why = _because(row.because, gateways) + _median(row)
    return said, [why, rates] if (rates := _user_rates(row)) else [why]


def _median(row: EffectRow) -> str:
    before, after = _medians(row)
    if before == after == NOT_KNOWN:
        return "median round-trip time not known"
    return f"median round-trip time {before} before, {after} after"


def _user_rates(row: EffectRow) -> str:
    """What users measure; nothing where that is not known of either side."""
    if row.down_mbps_p50 == row.up_mbps_p50 == NO_RATES:
        return ""
    before, after = (_down_and_up(row, side) for side in (0, 1))
    return f"median rates {before} before, {after} after"


def _down_and_up(row: EffectRow, side: int) -> str:
    down, up = row.down_mbps_p50[side], row.up_mbps_p50[side]
    return "none" if down is None or up is None else f"{down:.1f} Mbit/s down and {up:.1f} up"


def _medians(row: EffectRow) -> list[str]:
    """Before and after; where it depends on the terminal who is served (by groups, by speed), nobody knows whose."""
    depends = row.may_lose or row.may_gain or not (row.lost.cells or row.gained.cells)
    nothing = NOT_KNOWN if depends else "none"
    return [nothing if value is None else f"{value:.1f} ms" for value in row.rtt_ms_p50]


# --- what shared beams take ---------------------------------------------------------------------------------------


def _moved(effect: Effect) -> list[str]:
    """What beams that several share take of those who stay served, and give back: in all, then by territory."""
    assert effect.shared is not None
    slots = counted(effect.shared.slots, "slot", form=",")
    lines = [
        f"What shared beams take and give back, over {slots} with everybody on the network: of whom both rules permit",
        "and both networks reach, by the part of what they ask for that they miss. None of this is counted above.",
    ]
    if not any(row.moved for row in effect.rows):
        return [*lines, f"{INDENT}nobody gets more or less of what they ask for"]
    for classes, said in _alike_totals(effect):
        lines += [f"{INDENT}{listed(classes):<{CLASS_COLUMNS}} {said}"]
    told = by_people_moved(effect.rows)
    for territory in list(told)[:MOST_MOVED]:
        lines += ["", INDENT + short_name(territory)]
        together: dict[tuple[str, str], list[str]] = {}
        for row in told[territory]:
            together.setdefault((said_moved(row.moved), _user_rates(row)), []).append(row.class_)
        wide = _width(together.values())
        for (said, rates), classes in together.items():
            lines += [f"{INDENT * 2}{listed(classes):<{wide}} {said}"]
            lines += [f"{INDENT * 2}{'':<{wide}} {rates}"] if rates else []
    if rest := list(told)[MOST_MOVED:]:
        others = counted(len(rest), "territory or strip of sea", "territories and strips of sea")
        lines += ["", f"{INDENT}and less than in any of these in {others}."]
    return lines


def _alike_totals(effect: Effect) -> list[tuple[list[str], str]]:
    found: dict[str, list[str]] = {}
    for one in effect.totals:
        if one.moved:
            found.setdefault(said_moved(one.moved), []).append(one.class_)
    return [(classes, said) for said, classes in found.items()]


def said_moved(moved: Moved | None) -> str:
    """What shared beams take and give back, in words.

    >>> said_moved(Moved(displaced=Amount(cells=2, area_km2=12.0, people=300)))
    'displaced: 300 people, 12 km², 2 cells'
    """
    some = ("displaced", moved.displaced), ("freed", moved.freed)  # type: ignore[union-attr]
    return "; ".join(f"{name}: {amount(one)}" for name, one in some if one)


def _because(rules: Sequence[str], gateways: Gateways) -> str:
    """Rules on gateways apart: they change the network, and not this territory alone."""
    own, others = ([rule for rule in rules if (rule in gateways) is so] for so in (False, True))
    because = f"because of {', '.join(own)}; " if own else ""
    return because + (f"other gateways are used: {', '.join(others)}; " if others else "")


def amount(one: Amount) -> str:
    """An amount in words.

    >>> amount(Amount(cells=2, area_km2=1234.56, people=1_234, terminals=118))
    '1,234 people, 1,235 km², 2 cells, 118 terminals'
    >>> amount(Amount(cells=1, area_km2=0.04, people=0))  # at sea
    '0.04 km², 1 cell'
    """
    if one.terminals and not one.cells:
        return counted(one.terminals, "terminal", form=",")
    people = [counted(one.people, "person", "people", form=",")] if one.people else []
    terminals = [] if one.terminals is None else [counted(one.terminals, "terminal", form=",")]
    area = f"{one.area_km2:,.0f} km²" if one.area_km2 >= 1.0 or not one.area_km2 else f"{one.area_km2:.2g} km²"
    return ", ".join([*people, area, counted(one.cells, "cell", form=","), *terminals])


def _edge(edge: Edge, gateways: Gateways) -> list[str]:
    """What the new rules do by themselves; else, or if the old ones would have changed too, what then tells them."""
    when = instant_text(edge.at)
    lines = [f"At {when} the new rules change by themselves:", *_changed(edge.own, gateways)] if edge.own else []
    if "base" in edge.of or not edge.own:
        lines += [
            f"At {when} the old rules would have changed; from then on, new for old:",
            *_changed(edge.between, gateways),
        ]
    return lines


def _changed(changed: Changed, gateways: Gateways) -> list[str]:
    if not changed:
        return [f"{INDENT}nobody loses service and nobody gains it"]
    lines = []
    for territory, mine in territories_told(changed.rows).items():
        lines += [INDENT + short_name(territory), *(INDENT * 2 + line for line in _territory(mine, gateways))]
    return lines + [INDENT + line for line in _elsewhere(changed.elsewhere)]


def _elsewhere(elsewhere: Sequence[Elsewhere]) -> list[str]:
    lines = []
    for reached, where in (
        (True, "outside the area, on a border, in an unknown place or of another class"),
        (False, "out of the network's reach, for which permissions alone change"),
    ):
        some = [one for one in elsewhere if one.reached is reached]
        lines += [f"Terminals {where}:"] if some else []
        lines += [f"{INDENT}{one.territory}, {one.class_}: loses {one.lost:,}, gains {one.gained:,}" for one in some]
    return lines


def _spill(effect: Effect) -> list[str]:
    """By territory, where it becomes another; classes of which the same is to be said together."""
    how = f" (to within {effect.points_km:g} km)" if effect.points_km else ""
    lines = [f"Beams that point at the places they serve and are felt {effect.beam_km:g} km around{how}:"]
    by_territory: dict[str, list[EffectRow]] = {}
    for row in effect.rows:
        if row.spill is not None and row.spill.changed:
            by_territory.setdefault(row.territory, []).append(row)
    for territory, rows in by_territory.items():
        lines.append(INDENT + short_name(territory))
        together = _alike(rows, lambda some: _lit_and_dark(some[0]))
        wide = _width(classes for classes, _ in together)
        for classes, said in together:
            lines += [f"{INDENT * 2}{listed(classes):<{wide}} {one}" for one in said]
    crossing = any(row.spill for row in effect.rows)
    same = "they reach the same people beyond borders before and after"
    nobody = same if crossing else "within the scenario's area they cross no border behind which people live"
    return lines if by_territory else [*lines, INDENT + nobody]


def _lit_and_dark(row: EffectRow) -> list[str]:
    assert row.spill is not None
    told = (
        ("not served, lit all the same:               ", row.spill.lit),
        ("dark if no beam may reach who is not served: ", row.spill.dark),
    )
    return [f"{what}{before:,} people before, {after:,} after" for what, (before, after) in told if before != after]


def _rule(rule: NamedRule) -> str:
    where = {"base": "old rules only", "new": "new rules only"}.get(" ".join(rule.of), "old and new rules")
    legal = f" [{rule.legal_reference}]" if rule.legal_reference else ""
    what = " on gateways" if rule.applies_to == "gateway" else ""
    return f"{rule.rule}: {rule.effect}{what} of {rule.authority or rule.book}, {where}: {rule.reason}{legal}"


# --- as a page ----------------------------------------------------------------------------------------------------


def markdown(effect: Effect, names: tuple[str, str], title: str, pictures: tuple[str, str]) -> str:
    """The effect as a page in Markdown: pictures, a table of what changes, and the words."""
    told = [row for row in effect.rows if row.changed or row.moved]
    heads = ["Territory", "Class", "Loses", "May lose", "Gains", "May gain", "RTT before", "RTT after", "Because of"]
    heads += ["Displaced", "Freed", "Mbit/s before", "Mbit/s after"] if effect.shared else []
    table = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for row in told:
        figures = [amount(one) if one else "–" for one in (row.lost, row.may_lose, row.gained, row.may_gain)]
        cells = [short_name(row.territory), row.class_, *figures, *_medians(row), ", ".join(row.because)]
        if row.moved is not None:
            cells += [amount(one) if one else "–" for one in (row.moved.displaced, row.moved.freed)]
            cells += [_down_and_up(row, side) for side in (0, 1)]
        table.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(
        [
            f"# What new rules would change: {title}",
            "",
            f"From {names[0]} to {names[1]}.",
            "",
            f"![What changes]({pictures[0]})",
            "",
            f"![Before and after]({pictures[1]})",
            "",
            *(table if told else [_nothing(effect)]),
            "",
            "```",
            text(effect, names).rstrip(),
            "```",
            "",
        ]
    )
