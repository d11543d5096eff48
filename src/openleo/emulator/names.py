"""Names that programs in a run can use: the hosts file of all its terminals and PoPs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

LOCAL = ("127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback")
POP = "pop-"


def slug(name: str) -> str:
    """A name as a host's: lower case, no accents, and a hyphen for whatever a host's name cannot have.

    >>> slug("São Paulo"), slug("25.03, 121.56"), slug("Frankfurt am Main")
    ('sao-paulo', '25.03-121.56', 'frankfurt-am-main')
    """
    bare = "".join(letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter))
    return re.sub(r"[^\w.]+", "-", bare.casefold()).strip("-._") or "place"


def written(name: str) -> str:
    """A name as people write it, with hyphens for spaces: `São-Paulo`."""
    return re.sub(r"[\s,;#]+", "-", name.strip()).strip("-")


def names_of(terminals: Sequence[str], pops: Sequence[str], asked: Iterable[str] = ()) -> tuple[list[str], list[str]]:
    """(the host name of each terminal, of each PoP), all different.

    Plain names go to PoPs that were `asked` for, then to terminals, then to other PoPs. A terminal whose name is taken
    gets `-terminal` behind it, a PoP `pop-` before it.
    """
    taken = {slug(name) for name in asked if name in pops}
    of_terminals = []
    for name in terminals:
        mine = slug(name) if slug(name) not in taken else f"{slug(name)}-terminal"
        taken.add(mine)
        of_terminals.append(mine)
    wanted = {slug(name) for name in asked}
    of_pops = []
    for name in pops:
        free = slug(name) in wanted or slug(name) not in taken
        of_pops.append(slug(name) if free else POP + slug(name))
        taken.add(of_pops[-1])
    return of_terminals, of_pops


def hosts(
    terminals: Sequence[str],
    pops: Sequence[str],
    terminal_addresses: Sequence[Sequence[str]],
    pop_addresses: Sequence[Sequence[str]],
    asked: Iterable[str] = (),
) -> str:
    """The text of /etc/hosts: every name as a host's and as written; each PoP by `pop-NAME` too."""
    asked = list(asked)
    of_terminals, of_pops = names_of(terminals, pops, asked)
    lines = list(LOCAL)
    for name, mine, addresses in zip(terminals, of_terminals, terminal_addresses, strict=True):
        words = [mine, *([written(name)] if mine == slug(name) else [])]
        lines += _lines(words, addresses)
    for name, mine, addresses in zip(pops, of_pops, pop_addresses, strict=True):
        words = [mine, *([written(name)] if mine == slug(name) else []), POP + slug(name)]
        lines += _lines(words, addresses)
    return "\n".join(lines) + "\n"


def _lines(words: Iterable[str], addresses: Iterable[str]) -> list[str]:
    said = " ".join(dict.fromkeys(words))
    return [f"{address} {said}" for address in addresses]
