"""`openleo study` of a file that says `kind = "withdrawal"`: what each territory depends on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openleo.cli.study_kinds import Question
    from openleo.study.dependence import Dependence

TABLE, PICTURE, DOCUMENT = "withdrawals.csv", "withdrawals.png", "dependence.json"
REPORT = "report.html"
RESTORED, RESTORED_PICTURE = "restored.csv", "restored.png"  # where candidates say when they can stand
OURS = (TABLE, PICTURE, DOCUMENT, REPORT, RESTORED, RESTORED_PICTURE)
MOST_SHOWN = 12  # withdrawals of a territory, in the table on a terminal; the files have all


def question() -> Question:
    """How such a study is answered."""
    from openleo.cli.study_kinds import Question
    from openleo.report.withdrawal_text import text
    from openleo.study.dependence import run
    from openleo.study.withdrawal_file import read_withdrawal

    return Question(read_withdrawal, run, lambda found: text(found, MOST_SHOWN), contents, OURS)


def contents(found: Dependence) -> dict[str, bytes]:
    """The files, by name."""
    from openleo.report.contents import json_bytes
    from openleo.report.restore_plot import restored_picture
    from openleo.report.withdrawal_page import render
    from openleo.report.withdrawal_plot import picture
    from openleo.report.withdrawal_text import csv_text, restored_csv

    drawn = picture(found)
    made = {TABLE: csv_text(found).encode(), PICTURE: drawn, DOCUMENT: json_bytes(found.as_json())}
    if any(one.steps for one in found.sites):
        made |= {RESTORED: restored_csv(found).encode(), RESTORED_PICTURE: restored_picture(found)}
    return {**made, REPORT: render(found, drawn, made.get(RESTORED_PICTURE)).encode()}
