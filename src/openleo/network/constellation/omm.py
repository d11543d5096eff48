"""Orbit Mean-elements Messages: rows from JSON, CSV, XML and KVN.

Takes the text of a file as CelesTrak or Space-Track writes it; gives a `Row` for each message. The keywords are those
of CCSDS 502.0-B-3 (ODM), the same in all four forms. A file that cannot be read at all raises.
"""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from openleo.errors import InputError, Problem
from openleo.network.constellation.element_set import ElementSet, Row

_KVN_LINE = re.compile(r"\s*([A-Z][A-Z0-9_]*)\s*=\s*(.*?)\s*(?:\[[^\]]*\]\s*)?")  # a unit may follow in brackets


def json_rows(text: str, file: str) -> list[Row]:
    """A list of objects, or one."""
    try:
        # Numbers stay as written: the range checks see what the file said, not what a float made of it.
        found = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except json.JSONDecodeError as fault:
        raise _unreadable(file, f"line {fault.lineno}", f"the JSON breaks off or is malformed: {fault.msg}.") from None
    except (RecursionError, ValueError):
        raise _unreadable(file, "", "the JSON is nested too deeply to be element sets.") from None
    objects = found if isinstance(found, list) else [found]
    return [
        Row(f"object {number}", one if isinstance(one, dict) else {}) for number, one in enumerate(objects, start=1)
    ]


def written(sets: Iterable[ElementSet]) -> bytes:
    """Sets as JSON, in their order: read again they are the same, to the last bit."""
    rows = [
        {
            "OBJECT_NAME": one.name,
            # Of the designator only the year of launch is ever read.
            **({} if one.launch_year is None else {"OBJECT_ID": f"{one.launch_year:04}-000"}),
            "NORAD_CAT_ID": one.id,
            "EPOCH": one.epoch.replace(tzinfo=None).isoformat(timespec="microseconds"),
            "MEAN_MOTION": one.mean_motion_rev_per_day,
            "ECCENTRICITY": one.eccentricity,
            "INCLINATION": one.inclination_deg,
            "RA_OF_ASC_NODE": one.raan_deg,
            "ARG_OF_PERICENTER": one.argument_of_perigee_deg,
            "MEAN_ANOMALY": one.mean_anomaly_deg,
            "BSTAR": one.bstar_per_earth_radius,
        }
        for one in sets
    ]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()


def csv_rows(text: str, file: str) -> list[Row]:
    """A header of keywords, then a line for each message."""
    try:
        lines = csv.DictReader(io.StringIO(text), strict=True)
        return [Row(f"line {lines.line_num}", {key: value for key, value in one.items() if key}) for one in lines]
    except csv.Error as fault:
        raise _unreadable(file, "", f"the CSV is malformed: {fault}.") from None


def xml_rows(text: str, file: str) -> list[Row]:
    """Every `omm` element, whatever stands around it."""
    # Entities can grow a kilobyte into gigabytes, or read other files. They need a document type; an OMM has none.
    # The very text that is searched is the one that is parsed, so no encoding can hide it.
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise _unreadable(file, "", "the XML declares a document type, which element sets never have.")
    try:
        # A `str` is parsed as what it is: the declaration's encoding was used up when the bytes were decoded.
        root = ET.fromstring(text)  # noqa: S314
    except ET.ParseError as fault:
        raise _unreadable(file, f"line {fault.position[0]}", f"the XML breaks off or is malformed: {fault}.") from None
    messages = [one for one in root.iter() if _tag(one) == "omm"]
    return [
        Row(f"omm {number}", {_tag(leaf): leaf.text for leaf in message.iter() if len(leaf) == 0})
        for number, message in enumerate(messages, start=1)
    ]


def kvn_rows(text: str, _file: str) -> list[Row]:
    """`KEY = VALUE` lines; each message begins with CCSDS_OMM_VERS, or where a keyword comes a second time."""

    def messages() -> Iterator[Row]:
        fields: dict[str, Any] = {}
        began = 1
        for number, line in enumerate(text.split("\n"), start=1):
            found = _KVN_LINE.fullmatch(line.rstrip("\r"))
            if not found or line.lstrip().startswith("COMMENT"):
                continue
            key, value = found.groups()
            if fields and (key == "CCSDS_OMM_VERS" or key in fields):
                yield Row(f"line {began}", fields)
                fields, began = {}, number
            if not fields:
                began = number
            fields[key] = value
        if fields:
            yield Row(f"line {began}", fields)

    return list(messages())


def reader_of(text: str) -> Callable[[str, str], list[Row]] | None:
    """The reader for a text, told by its content: an extension says nothing of what a server sent."""
    start = text.lstrip()[:4096]
    first_line = start.split("\n", 1)[0]
    if start[:1] in ("{", "["):
        return json_rows
    if start[:1] == "<":
        return xml_rows
    if _KVN_LINE.fullmatch(first_line.rstrip("\r")):
        return kvn_rows
    if "," in first_line and "NORAD_CAT_ID" in first_line:
        return csv_rows
    return None


def _tag(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _unreadable(file: str, where: str, rule: str) -> InputError:
    return InputError(Problem(file, where, rule, "Fetch the file again, or give another."))
