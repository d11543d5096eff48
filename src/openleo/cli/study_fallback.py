"""`openleo study` of a file that says `kind = "fallback"`: what carries a place's classes where its links are cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openleo.cli.study_kinds import Question
    from openleo.study.fallback_run import Fallback

TABLE, PICTURE, DOCUMENT = "fallback.csv", "fallback.png", "fallback.json"
REPORT = "report.html"
OURS = (TABLE, PICTURE, DOCUMENT, REPORT)


def question() -> Question:
    """How such a study is answered."""
    from openleo.cli.study_kinds import Question
    from openleo.report.fallback_text import text
    from openleo.study.fallback_file import read_fallback
    from openleo.study.fallback_run import run

    return Question(read_fallback, run, text, contents, OURS)


def contents(found: Fallback) -> dict[str, bytes]:
    """The files, by name."""
    from openleo.report.contents import json_bytes
    from openleo.report.fallback_page import render
    from openleo.report.fallback_plot import picture
    from openleo.report.fallback_text import csv_text

    drawn = picture(found)
    return {
        TABLE: csv_text(found).encode(),
        PICTURE: drawn,
        DOCUMENT: json_bytes(found.as_json()),
        REPORT: render(found, drawn).encode(),
    }
