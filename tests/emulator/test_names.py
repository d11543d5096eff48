"""Names in a run: what a program may call a place."""

from __future__ import annotations

import pytest

from openleo.emulator.names import hosts, names_of, slug, written


@pytest.mark.parametrize(
    ("name", "host", "as_written"),
    [
        ("Tokyo", "tokyo", "Tokyo"),
        ("São Paulo", "sao-paulo", "São-Paulo"),
        ("Frankfurt am Main", "frankfurt-am-main", "Frankfurt-am-Main"),
        ("25.03, 121.56", "25.03-121.56", "25.03-121.56"),
        ("-33.9,18.4", "33.9-18.4", "33.9-18.4"),
        ("!!", "place", "!!"),
    ],
)
def test_names_as_hosts_and_as_written(name: str, host: str, as_written: str) -> None:
    assert (slug(name), written(name)) == (host, as_written)


def test_a_name_belongs_to_whom_it_was_asked_for() -> None:
    assert names_of(["Manila"], ["Tokyo"], ["Tokyo"]) == (["manila"], ["tokyo"])
    assert names_of(["Tokyo"], ["Tokyo"], ["Tokyo"]) == (["tokyo-terminal"], ["tokyo"])
    assert names_of(["Tokyo", "Osaka"], ["Tokyo"]) == (["tokyo", "osaka"], ["pop-tokyo"])


def test_every_address_has_every_name_of_its_place() -> None:
    text = hosts(["São Paulo"], ["Tokyo"], [["100.64.0.1", "fd6f::1"]], [["10.200.0.1"]], ["Tokyo"])
    assert "127.0.0.1 localhost\n" in text
    assert "100.64.0.1 sao-paulo São-Paulo\nfd6f::1 sao-paulo São-Paulo\n" in text
    assert text.endswith("10.200.0.1 tokyo Tokyo pop-tokyo\n")


def test_no_name_stands_twice() -> None:
    text = hosts(["Tokyo"], ["Tokyo"], [["100.64.0.1"]], [["10.200.0.1"]])
    words = [word for line in text.splitlines() for word in line.split()[1:] if "." not in word]
    assert len({word.casefold() for word in words if "localhost" not in word and "loopback" not in word}) == 2
