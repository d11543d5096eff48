"""Points of view: to which land each contested area belongs, for one reading of a rule set.

No view is the default, and none is ours: a rule says itself what it includes. A view reads the same rules once more as
if every rule on a land had taken exactly the areas that the view gives to that land.
"""

from __future__ import annotations

from dataclasses import dataclass

from openleo.errors import InputError, Problem, near_names
from openleo.places.territories import contested_areas, contested_with, territory_id

DE_FACTO, CLAIMS = "de-facto", "claims:"


@dataclass(frozen=True)
class View:
    """`party` None: an area belongs to whoever administers it. Else what the party administers or claims is its own."""

    party: str | None = None

    def __str__(self) -> str:
        return DE_FACTO if self.party is None else f"{CLAIMS}{self.party}"

    def areas_of(self, land: str) -> frozenset[str]:
        """The contested areas that belong to a land; one that several administer belongs to each of them."""
        touched = contested_with(land)
        if land == self.party:
            return frozenset(area.id for area in touched)
        return frozenset(area.id for area in touched if land in area.administered_by and self.party not in area.parties)

    @property
    def in_words(self) -> str:
        """What it says of whom an area belongs to."""
        if self.party is None:
            return "a contested area belongs to whoever administers it"
        return f"what {self.party} administers or claims belongs to it, and any other area to whoever administers it"


def read_view(text: str, option: str) -> View:
    """A view by its name, `de-facto` or `claims:JPN`. Raises InputError."""
    word = text.strip()
    if word.casefold() == DE_FACTO:
        return View()
    form = f"Write {DE_FACTO}, or {CLAIMS}ID with a party, such as {CLAIMS}JPN."
    if not word.casefold().startswith(CLAIMS):
        raise InputError(Problem(option, "", f'there is no view "{text}".', form))
    name = word[len(CLAIMS) :]
    parties = sorted({party for area in contested_areas().values() for party in area.parties})
    party = territory_id(name)
    if party is None or not contested_with(party):
        rule = f'"{name}" administers or claims no contested area besides itself.'
        raise InputError(Problem(option, "", rule, near_names(name, parties) or f"Parties: {', '.join(parties)}."))
    return View(party)
