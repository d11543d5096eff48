"""What is wrong with a value that should stand on the ledger, in words: the rule, and what to write instead.

The models of entries find it, and name their own types and patterns, which tell whoever wrote a file nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel, TypeAdapter

from openleo.errors import Problem, near_names
from openleo.governance.entries import Commitment, Id, Instant, Place, Said, Sha256, Text
from openleo.reading import place_text

LONGEST_SHOWN = 80  # characters of a value
_TEXT = "is text without control characters or marks that turn its direction"
_FORMS: tuple[tuple[Any, str, str], ...] = (
    (Sha256, "is no sha256", "It has 64 digits of 0-9 and a-f, as `sha256sum` prints them."),
    (Id, "is no id", "Write up to 100 letters, digits and . _ : @ -, a letter or digit first: regulator-1."),
    (Said, "is blank, or holds control characters", f"It {_TEXT}, and not blank."),
    (Text, "holds control characters", f"It {_TEXT}."),
    (Place, "holds control characters", "Name a territory; see `openleo territory list`."),
    (Instant, "is no instant", "Write whole seconds of UTC: 2026-11-21T14:00:00Z."),
    (Commitment, "is no commitment", "It is what `openleo change commit` prints: hmac-sha256: and 64 digits."),
)
_TYPES = {
    "string_type": ("is no text", "Write it in quotation marks."),
    "int_type": ("is no whole number", "Write it in digits, without quotation marks."),
    "int_from_float": ("is no whole number", "Write it in digits, without a point."),
    "bool_type": ("is neither true nor false", "Write true or false, without quotation marks."),
    "dict_type": ("is no object", "Write {…}."),
    "model_type": ("is no object", "Write {…}."),
    "model_attributes_type": ("is no object", "Write {…}."),
    "tuple_type": ("is no list", "Write […]."),
    "list_type": ("is no list", "Write […]."),
    "none_required": ("is not null", "Write null, or a whole value."),
}


@cache
def _of_patterns() -> dict[str, tuple[str, str]]:
    """(rule, way out) by the pattern of a form; the first form of a pattern counts."""
    found: dict[str, tuple[str, str]] = {}
    for form, rule, way_out in _FORMS:
        found.setdefault(TypeAdapter(form).json_schema()["pattern"], (rule, way_out))
    return found


def in_words(fault: Mapping[str, Any], model: type[BaseModel] | None = None) -> tuple[str, str]:
    """(rule, way out) of one of the faults that pydantic found. `model`: whose keys are known, at the top."""
    kind, ctx = fault["type"], fault.get("ctx", {})
    fields = model.model_fields if model is not None and len(fault["loc"]) == 1 else {}
    known = [one.alias or key for key, one in fields.items()]
    if kind == "missing":
        return "is missing.", "It has no default; see `openleo change schema`."
    if kind == "extra_forbidden":
        near = near_names(str(fault["loc"][-1]), known) or (f"Known keys: {', '.join(sorted(known))}." if known else "")
        return "is no key that is known here.", near or "Leave it out; see `openleo change schema`."
    rule, way_out = _TYPES.get(kind, ("", ""))
    if kind == "string_pattern_mismatch":
        rule, way_out = _of_patterns().get(ctx["pattern"], ("has another form", f"It is like {ctx['pattern']}"))
    elif kind == "literal_error":
        rule, way_out = "is none of the words that may stand here", f"Write {ctx['expected']}."
    elif kind == "value_error":
        rule = str(ctx["error"]).rstrip(".")
        return f"cannot be {shown(fault['input'])}: {rule}.", way_out
    elif kind in ("string_too_long", "too_long"):
        what = "characters" if isinstance(fault["input"], str) else "items"
        rule, way_out = "is too long", f"At most {ctx['max_length']:,} {what} fit."
    elif kind in ("string_too_short", "too_short"):
        what = "characters" if isinstance(fault["input"], str) else "items"
        rule, way_out = "is too short", f"It has {ctx['min_length']:,} {what} or more."
    elif kind == "greater_than_equal":
        rule, way_out = "is too small", f"The least is {ctx['ge']:,}."
    elif kind == "less_than_equal":
        rule, way_out = "is too large", f"The most is {ctx['le']:,}."
    elif not rule:
        said = str(fault["msg"])
        rule = said[:1].lower() + said[1:].rstrip(".")
    return f"{shown(fault['input'])} {rule}.", way_out


def shown(value: object) -> str:
    """A value, or its beginning."""
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def problems(
    file: str, faults: Iterable[Mapping[str, Any]], model: type[BaseModel] | None = None, under: str = ""
) -> list[Problem]:
    """All faults of one file, each with its place."""
    return [
        Problem(file, ".".join(filter(None, (under, place_text(tuple(one["loc"]))))), *in_words(one, model))
        for one in faults
    ]


def one_line(fault: Mapping[str, Any], whole: str = "it") -> str:
    """A fault with its place in a sentence that goes on; `whole`: what the document itself is called."""
    rule, _ = in_words(fault)
    return f"{place_text(tuple(fault['loc'])) or whole}: {rule.rstrip('.')}"
