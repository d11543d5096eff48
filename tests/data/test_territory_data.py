"""The embedded places data: read as plain Parquet, CSV and TOML, without OpenLEO's own readers.

Authority for the codes: ISO 3166-1, the 249 officially assigned alpha-3 codes as of 2026. XKX (Kosovo) is a code that
ISO leaves to its users.
"""

import csv
import tomllib
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely

from compared import compared

DATA = Path(__file__).parents[2] / "src/openleo/data/places"
ISO_3166_1_TEXT = """
    ABW AFG AGO AIA ALA ALB AND ARE ARG ARM ASM ATA ATF ATG AUS AUT AZE BDI BEL BEN BES BFA BGD BGR BHR BHS BIH BLM
    BLR BLZ BMU BOL BRA BRB BRN BTN BVT BWA CAF CAN CCK CHE CHL CHN CIV CMR COD COG COK COL COM CPV CRI CUB CUW CXR
    CYM CYP CZE DEU DJI DMA DNK DOM DZA ECU EGY ERI ESH ESP EST ETH FIN FJI FLK FRA FRO FSM GAB GBR GEO GGY GHA GIB
    GIN GLP GMB GNB GNQ GRC GRD GRL GTM GUF GUM GUY HKG HMD HND HRV HTI HUN IDN IMN IND IOT IRL IRN IRQ ISL ISR ITA
    JAM JEY JOR JPN KAZ KEN KGZ KHM KIR KNA KOR KWT LAO LBN LBR LBY LCA LIE LKA LSO LTU LUX LVA MAC MAF MAR MCO MDA
    MDG MDV MEX MHL MKD MLI MLT MMR MNE MNG MNP MOZ MRT MSR MTQ MUS MWI MYS MYT NAM NCL NER NFK NGA NIC NIU NLD NOR
    NPL NRU NZL OMN PAK PAN PCN PER PHL PLW PNG POL PRI PRK PRT PRY PSE PYF QAT REU ROU RUS RWA SAU SDN SEN SGP SGS
    SHN SJM SLB SLE SLV SMR SOM SPM SRB SSD STP SUR SVK SVN SWE SWZ SXM SYC SYR TCA TCD TGO THA TJK TKL TKM TLS TON
    TTO TUN TUR TUV TWN TZA UGA UKR UMI URY USA UZB VAT VCT VEN VGB VIR VNM VUT WLF WSM YEM ZAF ZMB ZWE
"""
REQUIRED_AREAS_TEXT = """
    crimea donetsk-oblast luhansk-oblast zaporizhzhia-oblast kherson-oblast ESH XKX northern-cyprus somaliland abkhazia
    south-ossetia transnistria golan PSE jammu-and-kashmir-ladakh azad-kashmir-gilgit-baltistan aksai-chin
    arunachal-pradesh kinmen matsu pratas senkaku dokdo southern-kurils paracel spratly scarborough abyei halaib TWN FLK
"""
ISO_3166_1 = tuple(ISO_3166_1_TEXT.split())
REQUIRED_AREAS = tuple(REQUIRED_AREAS_TEXT.split())
UNINHABITED = {"ATA", "BVT", "HMD", "UMI"}
PLACES = [
    ("Taipei", 25.047, 121.517, "TWN"),
    ("Magong", 23.568, 119.566, "TWN"),
    ("Jincheng", 24.434, 118.317, "kinmen"),
    ("Matsu Nangan", 26.152, 119.930, "matsu"),
    ("Pratas", 20.703, 116.720, "pratas"),
    ("Simferopol", 44.952, 34.102, "crimea"),
    ("Sevastopol", 44.600, 33.530, "crimea"),
    ("Kerch", 45.360, 36.440, "crimea"),
    ("Donetsk", 48.003, 37.805, "donetsk-oblast"),
    ("Mariupol", 47.110, 37.550, "donetsk-oblast"),
    ("Luhansk", 48.567, 39.317, "luhansk-oblast"),
    ("Melitopol", 46.849, 35.365, "zaporizhzhia-oblast"),
    ("Kherson", 46.650, 32.610, "kherson-oblast"),
    ("Kyiv", 50.450, 30.523, "UKR"),
    ("Kharkiv", 49.990, 36.231, "UKR"),
    ("Mykolaiv", 46.975, 31.995, "UKR"),
    ("Dnipro", 48.460, 35.040, "UKR"),
    ("Rostov", 47.230, 39.720, "RUS"),
    ("Laayoune", 27.142, -13.188, "ESH"),
    ("Tarfaya", 27.900, -12.800, "MAR"),
    ("Pristina", 42.663, 21.165, "XKX"),
    ("Hargeisa", 9.560, 44.065, "somaliland"),
    ("Mogadishu", 2.050, 45.330, "SOM"),
    ("Tiraspol", 46.843, 29.628, "transnistria"),
    ("Bender", 46.831, 29.477, "transnistria"),
    ("Chisinau", 47.009, 28.859, "MDA"),
    ("Cocieri", 47.302, 29.118, "MDA"),
    ("Sukhumi", 43.010, 41.020, "abkhazia"),
    ("Zugdidi", 42.509, 41.871, "GEO"),
    ("Tskhinvali", 42.228, 43.969, "south-ossetia"),
    ("Gori", 41.985, 44.113, "GEO"),
    ("Kyrenia", 35.330, 33.320, "northern-cyprus"),
    ("Paphos", 34.780, 32.430, "CYP"),
    ("Srinagar", 34.084, 74.797, "jammu-and-kashmir-ladakh"),
    ("Jammu", 32.727, 74.857, "jammu-and-kashmir-ladakh"),
    ("Leh", 34.165, 77.584, "jammu-and-kashmir-ladakh"),
    ("Siachen glacier", 35.420, 77.110, "jammu-and-kashmir-ladakh"),
    ("Pathankot", 32.268, 75.653, "IND"),
    ("Gilgit", 35.919, 74.312, "azad-kashmir-gilgit-baltistan"),
    ("Muzaffarabad", 34.370, 73.471, "azad-kashmir-gilgit-baltistan"),
    ("Islamabad", 33.694, 73.065, "PAK"),
    ("Sialkot", 32.492, 74.531, "PAK"),
    ("Aksai Chin", 35.200, 79.300, "aksai-chin"),
    ("Tawang", 27.587, 91.866, "arunachal-pradesh"),
    ("Itanagar", 27.096, 93.620, "arunachal-pradesh"),
    ("Dibrugarh", 27.480, 95.000, "IND"),
    ("Katzrin", 32.992, 35.691, "golan"),
    ("Ramallah", 31.900, 35.200, "PSE"),
    ("Gaza", 31.500, 34.460, "PSE"),
    ("Haifa", 32.800, 35.000, "ISR"),
    ("Kunashir", 44.050, 145.850, "southern-kurils"),
    ("Nemuro", 43.330, 145.580, "JPN"),
    ("Woody Island", 16.834, 112.338, "paracel"),
    ("Itu Aba", 10.377, 114.365, "spratly"),
    ("Uotsuri", 25.745, 123.475, "senkaku"),
    ("Dokdo", 37.239, 131.870, "dokdo"),
    ("Abyei", 9.595, 28.435, "abyei"),
    ("Halaib", 22.220, 36.640, "halaib"),
    ("Bir Tawil", 21.870, 33.740, "bir-tawil"),
    ("Lethem", 3.373, -59.800, "essequibo"),
    ("Linden", 6.008, -58.307, "GUY"),
    ("Vatican", 41.903, 12.453, "VAT"),
    ("Rome", 41.894, 12.483, "ITA"),
    ("Monaco", 43.735, 7.420, "MCO"),
    ("Nice", 43.703, 7.266, "FRA"),
    ("Cayenne", 4.920, -52.310, "GUF"),
    ("Saint-Denis", -20.890, 55.450, "REU"),
    ("Longyearbyen", 78.220, 15.640, "SJM"),
    ("Flying Fish Cove", -10.450, 105.670, "CXR"),
    ("Kralendijk", 12.150, -68.270, "BES"),
    ("Singapore", 1.350, 103.820, "SGP"),
    ("Suva", -18.120, 178.440, "FJI"),
]


@cache
def pieces(scale="10m"):
    """(territory, polygon in degrees), decoded by hand."""
    table = pq.read_table(DATA / f"land-{scale}.parquet").to_pylist()
    return [(row["territory"], polygon(row)) for row in table]


def polygon(row):
    rings = np.split(np.column_stack([row["lon_e6"], row["lat_e6"]]) / 1e6, np.cumsum(row["ring_sizes"])[:-1])
    return shapely.Polygon(rings[0], rings[1:])


@cache
def tree(scale="10m"):
    return shapely.STRtree([part for _, part in pieces(scale)])


def territories_at(lat_deg, lon_deg, scale="10m"):
    found = tree(scale).query(shapely.Point(lon_deg, lat_deg), predicate="intersects")
    return {pieces(scale)[i][0] for i in found}


@cache
def rows():
    with (DATA / "territories.csv").open(newline="", encoding="utf-8") as file:
        return {row["territory"]: row for row in csv.DictReader(file)}


@cache
def areas():
    return {area["id"]: area for area in tomllib.loads((DATA / "contested.toml").read_text(encoding="utf-8"))["area"]}


@cache
def people():
    table = pq.read_table(DATA / "population-h3-5.parquet")
    return table["cell"].to_numpy(), np.array(table["territory"].to_pylist()), table["people"].to_numpy()


def test_every_entry_of_iso_3166_1_has_a_row():
    assert len(set(ISO_3166_1)) == 249
    countries = {code for code, row in rows().items() if row["kind"] == "country"}
    assert countries == {*ISO_3166_1, "XKX"}
    assert all(len(rows()[code]["iso_alpha2"]) == 2 for code in ISO_3166_1)
    assert all(len(rows()[code]["iso_numeric"]) == 3 for code in ISO_3166_1)
    assert len({rows()[code]["iso_numeric"] for code in ISO_3166_1}) == 249


def test_our_own_ids_are_those_of_the_contested_areas():
    own = {code for code, row in rows().items() if row["kind"] == "contested"}
    assert own == set(areas()) - set(ISO_3166_1) - {"XKX"}
    assert all(row["name"] and row["source"] and row["version"] and row["point_of_view"] for row in rows().values())
    assert all(float(row["area_km2"]) > 0.0 for row in rows().values())


def test_every_contested_area_says_who_claims_and_who_says_so():
    assert set(REQUIRED_AREAS) <= set(areas())
    parties = {*ISO_3166_1, "XKX", *areas()}
    for name, area in areas().items():
        assert set(area["administered_by"]) | set(area["claimed_by"]) <= parties, name
        assert (area["administered_by"] and area["claimed_by"]) or name == "bir-tawil"
        assert all(area[key] for key in ("name", "sources", "note", "outline")), name
        assert area["as_of"].isoformat() == "2026-11-01", name


@pytest.mark.parametrize("scale", ["10m", "50m"])
def test_pieces_are_valid_small_and_on_the_map(scale):
    parts = np.array([part for _, part in pieces(scale)], dtype=object)
    assert shapely.is_valid(parts).all()
    assert shapely.get_num_coordinates(parts).max() <= 256
    west, south, east, north = shapely.bounds(parts).T
    assert west.min() >= -180.0
    assert east.max() <= 180.0
    assert south.min() >= -90.0
    assert north.max() <= 90.0
    assert {territory for territory, _ in pieces(scale)} <= set(rows())


def test_every_territory_has_land():
    assert {territory for territory, _ in pieces()} == set(rows())


def test_no_land_belongs_to_two_territories_within_a_hectare():
    """Over the whole map, overlaps are slivers of rounding: 0.1 m along a shared border."""
    first, second = tree().query([part for _, part in pieces()], predicate="intersects")
    pairs = [(i, j) for i, j in zip(first, second, strict=True) if i < j]
    shared = shapely.area([shapely.intersection(pieces()[i][1], pieces()[j][1]) for i, j in pairs])
    assert shared.max() * 111.3**2 < 0.01  # km², at the equator, where a square degree is largest


@pytest.mark.parametrize(("place", "lat_deg", "lon_deg", "territory"), PLACES)
def test_place_lies_in_its_territory_or_off_its_shore(place, lat_deg, lon_deg, territory):
    """Some places stand on piers and islets the atlas leaves out: the nearest land within 3 km is theirs."""
    here = shapely.Point(lon_deg, lat_deg)
    found = territories_at(lat_deg, lon_deg) or {pieces()[i][0] for i in [tree().nearest(here)]}
    assert found == {territory}, place
    assert tree().query_nearest(here, return_distance=True)[1][0] < 0.03, place


@pytest.mark.parametrize(
    ("lat_deg", "lon_deg", "territory"),
    [
        (-16.60, 179.30, "FJI"),
        (-16.80, -179.95, "FJI"),
        (67.0, 179.0, "RUS"),
        (67.0, -179.0, "RUS"),
        (71.2, 179.5, "RUS"),
        (71.2, -179.5, "RUS"),
        (-85.0, 179.9, "ATA"),
        (-85.0, -179.9, "ATA"),
    ],
)
def test_land_goes_on_across_the_antimeridian(lat_deg, lon_deg, territory):
    assert territories_at(lat_deg, lon_deg) == {territory}


def test_no_territory_wraps_the_wrong_way_round():
    assert territories_at(-15.0, 28.0) == {"ZMB"}  # on Fiji's parallel
    assert territories_at(-18.0, 0.0) == set()
    assert territories_at(67.0, 0.0) == set()
    assert shapely.union_all([part for territory, part in pieces() if territory == "FJI"]).area < 2.0


def test_areas_against_published_land_areas():
    """Within 3 %, of countries whose land area the CIA World Factbook gives; inland water is land here."""
    published_km2 = {"MNG": 1_564_116, "POL": 312_685, "BOL": 1_098_581, "NAM": 824_292, "AUS": 7_741_220}
    for code, area_km2 in published_km2.items():
        compared(
            authority="CIA World Factbook",
            what="area of a country",
            case=code,
            theirs=area_km2,
            ours=float(rows()[code]["area_km2"]),
            relative=0.03,
            unit="km²",
        )


def test_population_of_the_table_is_the_sum_of_the_cells():
    cell, territory, count = people()
    assert (np.diff(cell.astype(np.int64)) >= 0).all()
    assert count.min() >= 1
    sums = {name: int(count[territory == name].sum()) for name in np.unique(territory)}
    assert {name: int(row["population"]) for name, row in rows().items()} == {
        name: sums.get(name, 0) for name in rows()
    }


def test_everyone_lives_somewhere():
    empty = {code for code in ISO_3166_1 if rows()[code]["population"] == "0"}
    assert empty == UNINHABITED
    assert not empty & {"SGP", "MLT", "BHR", "LUX", "TON", "MCO"}


def test_totals_against_geonames():
    """GeoNames country populations, of countries that no contested area touches; and all of Taiwan's."""
    geonames = {"SGP": 5_638_676, "MLT": 483_530, "TON": 103_197, "LUX": 607_728, "POL": 37_978_548}
    for code, total in geonames.items():  # 2 %: border towns that the atlas puts across the border
        compared(
            authority="GeoNames",
            what="people of a country",
            case=code,
            theirs=total,
            ours=int(rows()[code]["population"]),
            relative=0.02,
        )
    assert sum(int(rows()[code]["population"]) for code in ("TWN", "kinmen", "matsu")) == 23_451_837
    assert sum(int(row["population"]) for row in rows().values()) == 7_613_081_733


def test_no_cell_is_denser_than_the_densest_city():
    """Dhaka and Manila have some 30 000 people per km² over a cell's 250 km²."""
    cell, _, count = people()
    _, where = np.unique(cell, return_inverse=True)
    assert np.bincount(where, weights=count).max() < 250 * 30_000


def test_people_live_in_cells_that_touch_their_territory():
    """A sample of border cells: the cell's outline, from h3, meets the territory's land."""
    h3 = pytest.importorskip("h3")
    cell, territory, _ = people()
    shared = np.flatnonzero(cell[1:] == cell[:-1])[::97]
    for i in shared:
        boundary = h3.cell_to_boundary(h3.int_to_str(int(cell[i])))
        outline = shapely.Polygon([(lon, lat) for lat, lon in boundary])
        if outline.bounds[2] - outline.bounds[0] < 180.0:
            touched = {pieces()[j][0] for j in tree().query(outline, predicate="intersects")}
            assert territory[i] in touched


def test_places_by_name():
    table = pq.read_table(DATA / "places.parquet").to_pylist()
    found = {(row["ascii_name"] or row["name"], row["territory"]) for row in table}
    expected = {("Taipei", "TWN"), ("Jincheng", "kinmen"), ("Vaduz", "LIE"), ("Funafuti", "TUV"), ("Kyiv", "UKR")}
    assert expected <= found
    assert ("Simferopol", "crimea") in found
    assert {row["territory"] for row in table} <= set(rows())
    inhabited = {code for code, row in rows().items() if int(row["population"]) > 100}
    assert inhabited <= {row["territory"] for row in table}
    assert all((row["ascii_name"] or row["name"]).isascii() for row in table)
