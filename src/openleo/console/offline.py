"""The console's page as one file: its script, its styles, a computed run, and the run's report below it.

    pages.files() ─┐
    run_slots ─────┼─► page(…) ─► report.html, which opens from a disk, asks nobody for anything and runs nothing else
    report ────────┘

Its policy names the one script and the styles by their hashes: what somebody adds to the file does not run.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Mapping
from html import escape
from typing import Any

from openleo.console import run_slots
from openleo.console.pages import PAGE, File
from openleo.console.run_slots import Samples
from openleo.console.scene import milliseconds, scene
from openleo.results import Results

FORM = "openleo-run@v1"
SCRIPT = re.compile(r'<script type="module"[^>]*? src="\./([^"]+)"></script>')
STYLES = re.compile(r'<link rel="stylesheet"[^>]*? href="\./([^"]+)">')
ROOT = re.compile(r":root\b|\bbody(?= \{)")
REPORT_STYLE = re.compile(r"<style>\n(.*?)</style>", re.DOTALL)
REPORT_BODY = re.compile(r"<body>\n(.*?)</body>", re.DOTALL)


def page(results: Results, samples: Samples, report: str, files: Mapping[str, File]) -> str:
    """The file. `report`: the run's report as a page of its own; `files`: those of the page as it was built."""
    built = files[PAGE].content.decode()
    script = "".join(_texts(SCRIPT, built, files)).replace("</script", "<\\/script").replace("<!--", "<\\!--")
    styles = "".join(_texts(STYLES, built, files))
    told = ROOT.sub("&", _found(REPORT_STYLE, report))
    # In layers: nothing of the page's styles reaches into the report, whose own come after.
    styled = [
        f"@layer page, clean, report;\n@layer page {{\n{styles}\n}}\n",
        f"@layer clean {{ #report :not(svg, svg *) {{ all: revert; }} }}\n@layer report {{ #report {{\n{told}\n}} }}\n",
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy(script, styled)}">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{escape(results.case.name)}: who is served</title>\n"
        + "".join(f"<style>{one}</style>\n" for one in styled)
        + '</head>\n<body>\n<div id="console"></div>\n'
        f'<div id="report">{_found(REPORT_BODY, report)}</div>\n'
        f'<script type="application/json" id="openleo-data">{_json(embedded(results, samples))}</script>\n'
        f'<script type="module">{script}</script>\n</body>\n</html>\n'
    )


def embedded(results: Results, samples: Samples) -> dict[str, Any]:
    """All that the page draws: Arrow streams as base64 of their gzip."""
    grid = results.case.grid
    begins = milliseconds(grid.start)
    return {
        "form": FORM,
        "scene": _packed(json.dumps(scene(results.case), ensure_ascii=False, allow_nan=False).encode()),
        "cells": _packed(run_slots.cells(results)),
        "whole": _packed(run_slots.whole(results)),
        "slots": [_packed(one) for one in run_slots.slots(results, samples)],
        "every": max(1, samples.every),
        "span_ms": [begins, begins + round(1000 * grid.slot_s * grid.slots)],
    }


def policy(script: str, styles: list[str]) -> str:
    """Nothing but these texts, the map's own worker, and pictures in the file.

    MapLibre makes its worker a blob; of a page from a disk it reads it and starts it by a data: address.
    """
    return "; ".join(
        (
            "default-src 'none'", f"script-src {_hash(script)}", "worker-src blob: data:",
            f"style-src {' '.join(_hash(one) for one in styles)}", "img-src data: blob:", "connect-src blob:",
            "base-uri 'none'", "form-action 'none'",
        )
    )  # fmt: skip


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _texts(pattern: re.Pattern[str], built: str, files: Mapping[str, File]) -> list[str]:
    """The files that a built page names. Raises ValueError where it names none: it was built otherwise."""
    names = pattern.findall(built)
    if not names:
        raise ValueError(f"the built page has no {pattern.pattern}")
    return [files[name].content.decode() for name in names]


def _found(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    if found is None:
        raise ValueError(f"the report has no {pattern.pattern}")
    return found[1]


def _packed(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, mtime=0)).decode()


def _json(value: dict[str, Any]) -> str:
    """JSON that cannot end the element which it stands in."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
