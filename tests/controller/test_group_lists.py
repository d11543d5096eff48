"""The list of a group, by its name in any case: the registry and leases find the same one."""

from __future__ import annotations

from openleo.cli.change_act import _spelled
from openleo.controller.group_lists import listed_in


def test_a_group_is_found_in_any_case() -> None:
    active = {"group:Schools": "1", "group:ships": None, "account:a": "suspended"}
    lists = {"1": ["a", "b"]}
    assert (
        listed_in("schools", active, lists.__getitem__) == listed_in("SCHOOLS", active, lists.__getitem__) == {"a", "b"}
    )
    assert listed_in("ships", active, lists.__getitem__) is None
    assert listed_in("a", active, lists.__getitem__) is None


def test_a_group_has_one_spelling_on_the_ledger() -> None:
    assert _spelled("group: Schools ", []) == "group:schools"
    assert _spelled("group:schools", ["account:x", "group:Schools"]) == "group:Schools"
    assert _spelled("class:X", ["class:x"]) == "class:X"
