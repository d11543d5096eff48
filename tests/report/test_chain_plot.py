"""The waterfall of a round trip: its terms add up, and every one is a bar that begins where the last one ended."""

from datetime import UTC, datetime

import pytest
from matplotlib.image import imread

from openleo import Scenario
from openleo.network import chain, journeys
from openleo.network.journeys import Hop, Path
from openleo.network.terms import ADDED, IN_FIBRE, OVER_SATELLITES, terms_of
from openleo.report import chain_plot
from openleo.units import LIGHT_KM_PER_S, MS_PER_S

AT = datetime(2026, 11, 20, tzinfo=UTC)
LIGHT_ONLY = (
    Hop(journeys.USER_LINK, "Here", "s1", 900.0, 3.0),
    Hop(journeys.ISL, "s1", "s2", 1500.0, 5.0),
    Hop(journeys.ISL, "s2", "s3", 1500.0, 5.0),
    Hop(journeys.FEEDER_LINK, "s3", "Gate", 600.0, 2.0),
    Hop(journeys.FIBRE, "Gate", "Town", 300.0, 1.5),
)
CHAIN = (
    *LIGHT_ONLY,
    Hop(journeys.LONGER_WAY, "over what the shortest way is", "", 0.0, 4.0),
    Hop(journeys.SCHEDULING, "± 6 ms: terminal, satellite, gateway", "", 0.0, 14.0),
    Hop(journeys.POP, "Town", "", 0.0, 0.5),
)
BY_CHAIN = Path(AT, CHAIN, 2 * (3 + 5 + 5 + 2 + 1.5 + 4) + 14.5)
PLAIN = Path(AT, (*LIGHT_ONLY, Hop(journeys.PROCESSING, "all of them", "", 0.0, 11.0)), 2 * 16.5 + 11.0)


def bars(figure):
    """(left end, width) of each bar in milliseconds, from the top."""
    return [(bar.get_x(), bar.get_width()) for bar in figure.axes[0].patches]


@pytest.mark.parametrize("path", [BY_CHAIN, PLAIN])
def test_terms_add_up_to_the_round_trip(path):
    assert sum(term.ms for term in terms_of(path)) == pytest.approx(path.rtt_ms)


def test_terms_stand_in_the_order_in_which_a_packet_meets_them():
    said = [(term.name, round(term.ms, 6), term.kind) for term in terms_of(BY_CHAIN)]
    assert said == [
        ("scheduling and processing", 14.0, ADDED),
        ("user link", 6.0, OVER_SATELLITES),
        ("2 inter-satellite links", 20.0, OVER_SATELLITES),
        ("feeder link", 4.0, OVER_SATELLITES),
        ("longer way", 8.0, ADDED),
        ("fibre", 3.0, IN_FIBRE),
        ("PoP", 0.5, ADDED),
    ]
    in_order = list(chain.Chain(1, 1, 1, 1, 1, 1, 1).terms())
    assert [name.replace("2 inter", "inter") for name, _, _ in said] == in_order


def test_without_the_chain_terms_are_light_and_processing():
    names = [term.name for term in terms_of(PLAIN)]
    assert names == ["processing", "user link", "2 inter-satellite links", "feeder link", "fibre"]


def test_between_two_places_both_user_links_stand():
    hops = (*LIGHT_ONLY[:3], Hop(journeys.USER_LINK, "s3", "There", 700.0, 2.5))
    terms = terms_of(Path(AT, hops, 31.0))
    assert [(term.name, term.about) for term in terms] == [
        ("user link", "Here to s1, 900 km"),
        ("2 inter-satellite links", "3,000 km"),
        ("user link", "s3 to There, 700 km"),
    ]
    assert "nothing added" in chain_plot.subtitle(Path(AT, hops, 31.0), "a shell")


@pytest.mark.parametrize("path", [BY_CHAIN, PLAIN])
def test_each_bar_begins_where_the_one_before_ends(path):
    *steps, (start, total) = bars(chain_plot.drawn(path, "title", "said"))
    level = 0.0
    for (left, width), term in zip(steps, terms_of(path), strict=True):
        assert (left, width) == pytest.approx((level, term.ms))
        level += width
    assert (start, total) == pytest.approx((0.0, path.rtt_ms))


def test_the_total_says_by_how_much_it_strays():
    texts = [text.get_text() for text in chain_plot.drawn(BY_CHAIN, "", "", 6.0).axes[0].texts]
    assert "55.50 ± 6 ms" in texts
    assert "55.50 ms" in [text.get_text() for text in chain_plot.drawn(BY_CHAIN, "", "").axes[0].texts]


def test_the_key_names_only_what_is_there():
    def key(path):
        return [text.get_text() for text in chain_plot.drawn(path, "", "").legends[0].get_texts()]

    assert key(BY_CHAIN) == list(chain_plot.KINDS)
    assert key(Path(AT, LIGHT_ONLY[:1], 6.0)) == [OVER_SATELLITES]


def test_of_a_real_path_the_user_link_is_light_there_and_back(fiji, tmp_path):
    user = journeys.Point("Suva", -18.14, 178.44)
    path = journeys.to_internet(fiji.case.network, fiji.case.grid, user, fiji.case.grid.start)
    terms = {term.name: term.ms for term in terms_of(path)}
    assert terms["user link"] == pytest.approx(2.0 * path.hops[0].length_km / LIGHT_KM_PER_S * MS_PER_S)
    assert sum(terms.values()) == pytest.approx(path.rtt_ms)
    chain_plot.draw(path, "Suva", chain_plot.subtitle(path, "shells"), tmp_path / "chain.png")
    assert imread(tmp_path / "chain.png").shape[1] == pytest.approx(9.6 * chain_plot.DPI, abs=2)


def test_a_name_is_no_formula(tmp_path):
    """Between two dollar signs matplotlib reads a formula, and refuses one that it cannot."""
    hops = (Hop(journeys.USER_LINK, r"$\nothing$", "s1", 900.0, 3.0),)
    chain_plot.draw(Path(AT, hops, 6.0), r"From $\nothing$", r"$\none$", tmp_path / "chain.png")
    assert (tmp_path / "chain.png").exists()


def test_path_draws_with_plot_and_refuses_what_is_no_picture(tmp_path, make_scenario):
    from typer.testing import CliRunner

    from openleo.cli import app

    scenario: Scenario = make_scenario(tmp_path, "islands", "FJI")
    assert scenario.case.name == "islands"
    file = str(tmp_path / "islands.toml")
    done = CliRunner().invoke(app, ["path", file, "--from", "Suva", "--plot", str(tmp_path / "p.png")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    refused = CliRunner().invoke(app, ["path", file, "--from", "Suva", "--plot", str(tmp_path / "p.txt")])
    assert refused.exit_code != 0
    several = ["path", file, "--from", "Suva", "--to", "Sydney", "--paths", "2", "--plot", str(tmp_path / "q.png")]
    assert CliRunner().invoke(app, several).exit_code != 0
    assert not (tmp_path / "q.png").exists()
