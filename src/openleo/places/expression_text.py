"""The language of areas: `"UKR + MDA"`, `"UKR - buffer(crimea, 20)"`, `"JPN & zone.geojson"`.

Takes a text; gives an Expression. Contested areas are taken as they are named: what a rule must say about them is the
rule file's affair. Every name at fault is told, with its place in the text.

    area    = factor { ("+" | "-") factor }          from left to right
    factor  = atom { "&" atom }                      binds closer
    atom    = "(" area ")" | name | file | "cells(" cell { "," cell } ")"
            | ("buffer" | "coast" | "edge" | "shore") "(" area "," width ")"
    width   = number [ "km" | "nm" | "m" ]           kilometres without a unit

A name may hold hyphens and blanks, so that a minus stands between blanks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from openleo.errors import InputError, Problem, join_or, near_names
from openleo.places import regions, shapes
from openleo.places.expressions import (
    SEA_WORD,
    WORLD,
    WORLD_WORD,
    Expression,
    Labels,
    difference,
    intersection,
    sea,
    unbounded,
    union,
)
from openleo.places.geojson import GEOJSON_ENDINGS
from openleo.places.territories import territories, territory_id, unknown_territory, with_territorial_sea
from openleo.units import M_PER_KM, NAUTICAL_MILE_KM

LONGEST = 10_000  # characters
DEEPEST = 20  # brackets within brackets
MOST_PARTS = 500  # names, files and functions
MOST_WIDENED, DEEPEST_WIDENED = 50, 3  # buffers and coasts, and within each other: a large country's takes seconds
NARROWEST_KM = 0.01
CELL_LIST_ENDINGS = (".txt", ".csv")
KM_OF_UNIT = {"": 1.0, "km": 1.0, "nm": NAUTICAL_MILE_KM, "m": 1.0 / M_PER_KM}
FUNCTIONS = ("buffer", "coast", "edge", "shore", "cells")

_TOKEN = re.compile(
    r"""\s*(?:(?P<sign>[+&(),])|"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<word>[^\s+&(),"']+)|(?P<odd>\S))"""
)
_WIDTH = re.compile(r"([+-]?)\s*(\d{1,9}(?:\.\d{1,9})?)\s*([a-z]*)", re.IGNORECASE)


def parse(text: str, folder: Path, file: str, where: str, *, with_waters: bool = False) -> Expression:
    """The area that a text names; files in it are relative to `folder`.

    `file` and `where` say where the text stands. `with_waters`: a land named outside of a function stands for its
    12-nautical-mile waters too, as rules mean it. Raises InputError with every name at fault, or with the place where
    the text cannot be read on.
    """
    reader = _Reader(text, folder, file, where, with_waters)
    try:
        area = reader.whole()
    except _SyntaxError as error:
        reader.fault(error.at, error.rule, error.way_out)
        raise InputError(reader.problems) from None
    if reader.problems:
        raise InputError(reader.problems)
    return area


def is_file(word: str) -> bool:
    """Whether a word names a file of polygons or cells."""
    return word.lower().endswith((*GEOJSON_ENDINGS, *CELL_LIST_ENDINGS))


def files_named(text: str) -> tuple[str, ...]:
    """The files that a text names, whether or not the rest of it can be read."""
    words: list[list[str]] = [[]]  # those that stand side by side are one name
    for token in _tokens(text):
        if token.kind == "word":
            words[-1].append(token.text)
        else:
            words += [[token.text] if token.kind == "quoted" else [], []]
    names = (" ".join(some) for some in words)
    return tuple(dict.fromkeys(name for name in names if is_file(name)))


@dataclass(frozen=True)
class _Token:
    kind: str  # an operator, "word", "quoted" or "end"
    text: str
    at: int  # from 0


class _SyntaxError(Exception):
    def __init__(self, at: int, rule: str, way_out: str = ""):
        super().__init__(rule)
        self.at, self.rule, self.way_out = at, rule, way_out


class _Reader:
    """Reads one text from left to right."""

    def __init__(self, text: str, folder: Path, file: str, where: str, with_waters: bool):
        self.text, self.folder, self.file, self.where = text, folder, file, where
        self.with_waters = with_waters
        self.problems: list[Problem] = []
        self.next = 0
        self.depth = 0
        self.parts = self.widened_parts = self.widening = 0
        self.tokens: list[_Token] = []

    def fault(self, at: int, rule: str, way_out: str = "") -> Expression:
        """Notes a fault at a character; reading goes on with an area that stands for it."""
        alone = at == 0 and len(self.tokens) <= 2
        shown = self.text if len(self.text) <= 80 else f"{self.text[:77]}..."
        self.problems.append(
            Problem(self.file, self.where, rule if alone else f'"{shown}", character {at + 1}: {rule}', way_out)
        )
        return WORLD

    def whole(self) -> Expression:
        if len(self.text) > LONGEST:
            rule = f"the text has {len(self.text):,} characters; at most {LONGEST:,} are read."
            raise _SyntaxError(0, rule, "Put the polygons into a GeoJSON file.")
        if not self.text.strip():
            raise _SyntaxError(0, *unknown_territory(self.text))
        self.tokens = _tokens(self.text)
        area = self.area()
        if (token := self.peek()).kind != "end":
            raise _SyntaxError(token.at, f'"{token.text}" cannot stand here.', "Between two areas stands + or - or &.")
        return area

    def peek(self) -> _Token:
        return self.tokens[self.next]

    def take(self) -> _Token:
        token = self.tokens[self.next]
        self.next += token.kind != "end"
        return token

    def expect(self, kind: str, after: str) -> None:
        token = self.take()
        if token.kind != kind:
            found = f'found "{token.text}"' if token.text else "the text ends"
            raise _SyntaxError(token.at, f'a "{kind}" is missing {after}; {found}.')

    def area(self) -> Expression:
        found = self.factor()
        while self.peek().kind in ("+", "-"):
            sign, operand = self.take().kind, self.factor()
            found = union([found, operand]) if sign == "+" else difference(found, operand)
        return found

    def factor(self) -> Expression:
        found = [self.atom()]
        while self.peek().kind == "&":
            self.take()
            found.append(self.atom())
        return found[0] if len(found) == 1 else intersection(found)

    def atom(self) -> Expression:
        token = self.take()
        self.parts += 1
        if self.parts > MOST_PARTS:
            raise _SyntaxError(token.at, f"the text names more than {MOST_PARTS} areas.", "Use a GeoJSON file.")
        if token.kind == "(":
            return self.bracketed(token, self.area)
        if token.kind == "quoted":
            return self.of_file(token.text, token.at)
        if token.kind != "word":
            found = f'found "{token.text}"' if token.text else "the text ends"
            raise _SyntaxError(token.at, f"an area is missing; {found}.", "Write a territory, a file or a function.")
        if self.peek().kind == "(":
            return self.function(token)
        words = [token]
        while self.peek().kind == "word":
            words.append(self.take())
        return self.named(" ".join(word.text for word in words), token.at)

    def bracketed(self, token: _Token, inner: Callable[[], Expression]) -> Expression:
        self.depth += 1
        if self.depth > DEEPEST:
            raise _SyntaxError(token.at, f"more than {DEEPEST} brackets stand within each other.")
        found = inner()
        self.expect(")", f"to the bracket at character {token.at + 1}")
        self.depth -= 1
        return found

    def named(self, name: str, at: int) -> Expression:
        if name.lower() == WORLD_WORD:
            return WORLD
        if name.lower() == SEA_WORD:
            return sea()
        if is_file(name):
            return self.of_file(name, at)
        if (id_ := territory_id(name)) is not None:
            return Labels(with_territorial_sea({id_}) if self.with_waters and not self.widening else frozenset({id_}))
        rule, way_out = unknown_territory(name)
        if name.lower() in FUNCTIONS:
            way_out = f"{name.lower()} is a function: {name.lower()}(…)."
        elif any(territory_id(part) for part in re.split(r"\s*-\s*", name)):
            way_out = "A minus stands between blanks: A - B."
        return self.fault(at, rule, way_out)

    def of_file(self, name: str, at: int) -> Expression:
        """A file of polygons or cells; what is wrong with it is told with its own name."""
        try:
            if name.lower().endswith(CELL_LIST_ENDINGS):
                return regions.of_cell_file(self.folder / name)
            if name.lower().endswith(GEOJSON_ENDINGS):
                return regions.of_file(self.folder / name, name)
        except InputError as error:
            self.problems += error.problems
            return WORLD
        endings = join_or([*GEOJSON_ENDINGS, *CELL_LIST_ENDINGS])
        return self.fault(at, f'"{name}" is quoted, and no file of areas.', f"Its name ends with {endings}.")

    def function(self, name: _Token) -> Expression:
        word = name.text.lower()
        if word not in FUNCTIONS:
            rule = f'there is no function "{name.text}"; functions are {join_or(FUNCTIONS)}.'
            raise _SyntaxError(name.at, rule, near_names(name.text, FUNCTIONS))
        bracket = self.take()
        if word == "cells":
            return self.bracketed(bracket, lambda: self.cells(name))
        return self.bracketed(bracket, lambda: self.widened(word, name.at))

    def cells(self, name: _Token) -> Expression:
        words = [self.take()]
        while self.peek().kind == ",":
            self.take()
            words.append(self.take())
        try:
            return regions.of_cells([word.text for word in words], self.file, self.where)
        except InputError as error:
            for problem in error.problems:
                self.fault(name.at, problem.rule, problem.way_out)
            return WORLD

    def widened(self, word: str, at: int) -> Expression:
        before = len(self.problems)
        self.widened_parts += 1
        self.widening += 1
        if self.widened_parts > MOST_WIDENED or self.widening > DEEPEST_WIDENED:
            rule = f"more than {MOST_WIDENED} strips, or {DEEPEST_WIDENED} within each other, are not computed."
            raise _SyntaxError(at, rule, "Use a GeoJSON file; `openleo territory show --out` writes one.")
        area = self.area()
        self.expect(",", f"and a width after it in {word}")
        self.widening -= 1
        width_km = self.width(word)
        if len(self.problems) > before:
            return WORLD
        if word in ("coast", "shore"):
            if not isinstance(area, Labels) or not area.ids <= set(territories()):
                rule = f"{word} is of a land: a territory, or several with +."
                return self.fault(at, rule, "For anything else there is buffer.")
            if len(shapes.sea_coast(area.ids)) == 0:
                return self.fault(at, f"{join_or(sorted(area.ids))} has no coast.", "Use buffer.")
            return regions.coast(area, width_km) if word == "coast" else regions.shore(area, width_km)
        if unbounded(area):
            return self.fault(at, f"{word} is not of the sea or the world.", "Widen a land: coast(JPN, 32).")
        try:
            return regions.buffer(area, width_km) if word == "buffer" else regions.edge(area, width_km)
        except regions.NoPolygonError as error:
            rule = f'{word} needs an outline, and "{error}" is a part of the sea that is computed point by point.'
            return self.fault(at, rule, "Widen the land: buffer(JPN, 32) or coast(JPN, 32).")

    def width(self, word: str) -> float:
        """A width in kilometres."""
        start = self.peek().at
        tokens = []
        while self.peek().kind not in (")", ",", "end"):
            tokens.append(self.take().text)
        said = " ".join(tokens)
        found = _WIDTH.fullmatch(said)
        units = ", ".join(unit for unit in KM_OF_UNIT if unit)
        if found is None or found[3].lower() not in KM_OF_UNIT:
            raise _SyntaxError(start, f'"{said}" is no width.', f"Write a number of kilometres, or with {units}.")
        width_km = float(found[2]) * KM_OF_UNIT[found[3].lower()] * (-1.0 if found[1] == "-" else 1.0)
        if not NARROWEST_KM <= abs(width_km) <= shapes.WIDEST_KM:
            rule = f"a width of {said} is not between {NARROWEST_KM} and {shapes.WIDEST_KM:.0f} km."
            self.fault(start, rule)
        if width_km < 0.0 and word in ("edge", "shore"):
            self.fault(start, f"{word} lies on both sides of an outline; its width is not negative.")
        return width_km


def _tokens(text: str) -> list[_Token]:
    found = []
    at = 0
    while match := _TOKEN.match(text, at):
        kind = match.lastgroup or ""
        said, start = match[kind], match.start(kind)
        if kind == "odd":
            raise _SyntaxError(start, "a quoted name has no end.", "Close it with the same quotation mark.")
        if kind == "sign" or said == "-":
            found.append(_Token(said, said, start))
        else:
            found.append(_Token("word" if kind == "word" else "quoted", said, start))
        at = match.end()
    return [*found, _Token("end", "", len(text))]
