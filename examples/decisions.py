"""Decisions as a table, a line a request: `python examples/decisions.py RULES… --request F.json`.

What `openleo policy decide` answers, in fewer words.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from openleo.policy.answer import answer
from openleo.policy.request import read_requests
from openleo.policy.rule_file import read_rules
from openleo.reading import read_json


def main() -> None:
    """Print the table."""
    words = argparse.ArgumentParser(description="Decisions as a table.")
    words.add_argument("rules", nargs="+", type=Path)
    words.add_argument("--request", type=Path, required=True, metavar="F.json")
    said = words.parse_args()
    rule_set = read_rules(said.rules)
    requests = read_requests(read_json(said.request), str(said.request), rule_set.classes)
    widest = max(len(request.terminal or "") for request in requests)
    for request in requests:
        decision = answer(rule_set, request)
        why = [because.rule for because in decision.because]
        why += [f"not known: {', '.join(decision.missing)}"] if decision.missing else []
        print(f"{request.terminal or '':{widest}}  {decision.outcome:13}  {'; '.join(why)}".rstrip())


if __name__ == "__main__":
    main()
