"""Rules as they are computed: a set of territories, a set of classes, an effect, and who says so."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import rfc8785
import shapely

SCHEMA = 1
CLASSES = ("fixed", "portable", "vehicle", "maritime", "aviation", "government", "emergency")
EMERGENCY = "emergency"


@dataclass(frozen=True)
class Rule:
    """One rule of a book. It matches what lies in its territory ∧ is of one of its classes."""

    id: str
    book: str
    effect: Literal["permit", "forbid"]
    territories: frozenset[str]  # labels of the partition: lands, strips of sea, high-seas
    region: shapely.Geometry | None  # for a GeoJSON territory, in place of labels
    classes: frozenset[str] | None  # None: any class
    emergency: Literal["keep", "cut"] | None
    authority: str
    reason: str
    legal_reference: str = ""
    review_by: date | None = None

    def speaks_to(self, class_: str) -> bool:
        """Whether the rule is about terminals of this class."""
        if self.effect == "forbid" and self.emergency == "keep" and class_ == EMERGENCY:
            return False
        return self.classes is None or class_ in self.classes

    def canonical(self) -> dict[str, Any]:
        """Everything that changes a decision, or what a person is told about it."""
        return {
            "book": self.book,
            "id": self.id,
            "effect": self.effect,
            "territories": sorted(self.territories),
            "region": None if self.region is None else shapely.to_wkb(self.region.normalize(), hex=True),
            "classes": None if self.classes is None else sorted(self.classes),
            "emergency": self.emergency,
            "authority": self.authority,
            "reason": self.reason,
            "legal_reference": self.legal_reference,
            "review_by": self.review_by.isoformat() if self.review_by else None,
        }


@dataclass(frozen=True)
class RuleSet:
    """The union of books. The order of rules has no meaning; `sha256` does not depend on it."""

    rules: tuple[Rule, ...]
    classes: tuple[str, ...]  # all that its rules may name
    sources: tuple[str, ...]  # the files, for people
    sha256: str

    @property
    def regions(self) -> tuple[shapely.Geometry, ...]:
        """The polygons of the rules that have one, in the rules' order."""
        return tuple(rule.region for rule in self.rules if rule.region is not None)

    def matching(self, territory: str, within: Sequence[bool], class_: str) -> list[Rule]:
        """The rules that match a place: on a territory, and within those of `regions` that `within` says."""
        holds = iter(within)
        in_place = [next(holds) if rule.region is not None else territory in rule.territories for rule in self.rules]
        return [rule for rule, here in zip(self.rules, in_place, strict=True) if here and rule.speaks_to(class_)]


def union(rules: Iterable[Rule], classes: Sequence[str] = CLASSES, sources: Sequence[str] = ()) -> RuleSet:
    """Rules as a set, with the hash of their RFC 8785 form."""
    rules = tuple(rules)
    canonical = sorted((rule.canonical() for rule in rules), key=lambda rule: (rule["book"], rule["id"]))
    digest = hashlib.sha256(rfc8785.dumps({"schema": SCHEMA, "rules": canonical})).hexdigest()
    return RuleSet(rules, tuple(classes), tuple(sources), digest)
