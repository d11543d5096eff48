"""The form of an effect as it is frozen and judged: what quorums depend on is there, is a number, and is counted once.

An effect comes as JSON, from a file or an artefact that anybody may have written. What the summary of the ledger and
the comparison at activation read is checked here first; keys that neither reads are passed over, as their meaning is
bound by the hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from openleo.governance.entries import Count, Instant, Sha256
from openleo.governance.state import Refused

Json = Mapping[str, Any]
Name = Annotated[str, Field(min_length=1, max_length=200)]
MOST_TOLD = 3


class _Form(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)


class _Amount(_Form):
    cells: Count
    area_km2: Annotated[float, Field(ge=0.0)]
    people: Count
    terminals: Count | None


class _Row(_Form):
    territory: Name
    class_: Annotated[str, Field(alias="class", min_length=1, max_length=200)]
    lost: _Amount
    gained: _Amount
    may_lose: _Amount
    may_gain: _Amount


class _Elsewhere(_Form):
    territory: Name
    class_: Annotated[str, Field(alias="class", min_length=1, max_length=200)]
    lost: Count
    gained: Count


class _ElsewhereAtEdge(_Form):
    base_and_new: list[_Elsewhere] = []


class _Edge(_Form):
    at: Instant
    weekly: bool = False
    base_and_new: list[_Row]
    new_before_and_after: list[_Row]
    terminals_elsewhere: _ElsewhereAtEdge = _ElsewhereAtEdge()


class _EndAlike(_Form):
    at: Instant
    territory: Name


class _Effect(_Form):
    network: Sha256
    people: dict[str, Count]
    terminals: str | None
    territories: list[_Row]
    edges: list[_Edge]
    terminals_elsewhere: list[_Elsewhere] = []
    ends_alike: list[_EndAlike] = []
    edges_left_out: Count = 0
    edges_untold: list[Any] = []

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        several = [self.territories, *(rows for edge in self.edges for rows in (edge.base_and_new,))]
        for rows in several:
            keys = [(row.territory, row.class_) for row in rows]
            if len(set(keys)) < len(keys):
                raise ValueError("a territory and class have two rows")
        return self


def checked(effect: object) -> Json:
    """The effect, if it can be judged. Raises Refused."""
    try:
        form = _Effect.model_validate(effect)
        rfc8785.dumps({key: value for key, value in dict(_mapping(effect)).items() if key != "sha256"})
    except ValidationError as error:
        told = [f"{'.'.join(map(str, one['loc'])) or 'it'}: {one['msg']}" for one in error.errors()[:MOST_TOLD]]
        raise Refused(f"the effect cannot be judged: {'; '.join(told)}") from None
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError):
        raise Refused("the effect cannot be written as canonical JSON") from None
    if untold := form.edges_left_out + len(form.edges_untold):
        raise Refused(
            f"{untold:,} changes of rules ahead are not told, and nobody signs for what was not computed: "
            "propose fewer windows, or a shorter time"
        )
    return _mapping(effect)


def _mapping(effect: object) -> Json:
    assert isinstance(effect, Mapping)
    return effect
