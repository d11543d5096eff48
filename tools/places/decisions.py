"""Every decision that turns the atlas's countries into territories, as tables with a reason in each row.

Territories are ISO 3166-1 alpha-3 codes (and XKX) or ids of our own for contested areas. Nothing here computes;
`partition.py` applies the tables in the order in which they stand.
"""

from __future__ import annotations

from typing import NamedTuple

Box = tuple[float, float, float, float]  # west, south, east, north, degrees


class FeatureDecision(NamedTuple):
    """A feature of the atlas without an ISO number, or whose number is not its own."""

    feature: str
    territory: str
    reason: str


class PartDecision(NamedTuple):
    """Whole polygons of `origin` that lie in `box` belong to `territory`."""

    origin: str
    territory: str
    box: Box
    reason: str


class OutlineDecision(NamedTuple):
    """The land of `origin` inside an outline of `tools/outlines` belongs to `territory`."""

    origin: str
    territory: str
    outline: str
    reason: str


class UnitDecision(NamedTuple):
    """The land of `origin` nearer to a GeoNames place of these first-level units than to any other of the country."""

    origin: str
    territory: str
    countrycode: str
    units: tuple[str, ...]  # GeoNames admin1 codes
    reason: str


FEATURES = (
    FeatureDecision("Kosovo", "XKX", "XKX is the user-assigned code in common use; ISO 3166-1 has none"),
    FeatureDecision("N. Cyprus", "northern-cyprus", "contested: own administration, claimed by Cyprus"),
    FeatureDecision("Somaliland", "somaliland", "contested: own administration, claimed by Somalia"),
    FeatureDecision("Cyprus U.N. Buffer Zone", "CYP", "Cyprus's land under United Nations patrol; no other claimant"),
    FeatureDecision("Akrotiri", "akrotiri-dhekelia", "United Kingdom base area without an ISO code, on Cyprus"),
    FeatureDecision("Dhekelia", "akrotiri-dhekelia", "United Kingdom base area without an ISO code, on Cyprus"),
    FeatureDecision("USNB Guantanamo Bay", "guantanamo-bay", "contested: held by the United States, claimed by Cuba"),
    FeatureDecision("Siachen Glacier", "jammu-and-kashmir-ladakh", "held by India since 1984, claimed by Pakistan"),
    FeatureDecision("Baikonur", "KAZ", "Kazakhstan's land, leased to Russia; sovereignty is not disputed"),
    FeatureDecision("Coral Sea Is.", "AUS", "external territory of Australia, without an ISO code"),
    FeatureDecision("Ashmore and Cartier Is.", "AUS", "external territory of Australia, without an ISO code"),
    FeatureDecision("Clipperton I.", "FRA", "France's; ISO only reserves CP for it"),
    FeatureDecision("Spratly Is.", "spratly", "contested: held and claimed by several"),
    FeatureDecision("Scarborough Reef", "scarborough", "contested: held by China, claimed by the Philippines"),
    FeatureDecision("Bajo Nuevo Bank", "serranilla-bajo-nuevo", "contested: held by Colombia, claimed by others"),
    FeatureDecision("Serranilla Bank", "serranilla-bajo-nuevo", "contested: held by Colombia, claimed by others"),
    # ISO has one code for both, and the atlas cannot be asked which island group is whose: boxes below cut it.
    FeatureDecision("Indian Ocean Ter.", "CXR", "Christmas Island; the Cocos (Keeling) Islands are cut out below"),
)

PARTS = (
    PartDecision("CXR", "CCK", (96.0, -13.0, 98.0, -11.0), "Cocos (Keeling) Islands, own ISO code"),
    PartDecision("FRA", "GUF", (-55.0, 2.0, -51.0, 6.5), "French Guiana, own ISO code"),
    PartDecision("FRA", "GLP", (-61.95, 15.75, -60.9, 16.6), "Guadeloupe, own ISO code"),
    PartDecision("FRA", "MTQ", (-61.4, 14.3, -60.7, 15.0), "Martinique, own ISO code"),
    PartDecision("FRA", "REU", (55.0, -21.5, 56.0, -20.7), "Réunion, own ISO code"),
    PartDecision("FRA", "MYT", (44.9, -13.2, 45.5, -12.5), "Mayotte, own ISO code"),
    PartDecision("NLD", "BES", (-68.6, 11.9, -68.0, 12.5), "Bonaire, own ISO code with Sint Eustatius and Saba"),
    PartDecision("NLD", "BES", (-63.4, 17.3, -62.8, 17.8), "Sint Eustatius and Saba"),
    PartDecision("NOR", "SJM", (8.0, 74.0, 36.0, 81.5), "Svalbard, own ISO code with Jan Mayen"),
    PartDecision("NOR", "SJM", (-9.5, 70.5, -7.5, 71.5), "Jan Mayen"),
    PartDecision("NOR", "BVT", (3.0, -55.0, 4.0, -54.0), "Bouvet Island, own ISO code"),
    PartDecision("NZL", "TKL", (-173.0, -10.0, -170.5, -8.0), "Tokelau, own ISO code"),
    PartDecision("RUS", "crimea", (32.0, 44.2, 36.6, 46.3), "contested; the atlas shows it in Russia"),
    PartDecision("RUS", "southern-kurils", (145.2, 43.2, 149.0, 45.7), "contested; the atlas shows them in Russia"),
    PartDecision("TWN", "kinmen", (118.0, 24.2, 118.7, 24.7), "contested; off the coast of Fujian"),
    PartDecision("CHN", "paracel", (111.0, 15.5, 113.0, 17.3), "contested; the atlas shows them in China"),
    PartDecision("JPN", "senkaku", (123.3, 25.6, 124.8, 26.1), "contested; the atlas shows them in Japan"),
    PartDecision("KOR", "dokdo", (131.7, 37.1, 132.0, 37.4), "contested; the atlas shows it in South Korea"),
    PartDecision("IRN", "abu-musa-and-tunbs", (54.9, 25.8, 55.4, 26.4), "contested; the atlas shows Abu Musa in Iran"),
)

OUTLINES = (
    OutlineDecision("ITA", "VAT", "vatican", "smaller than the atlas's grid"),
    OutlineDecision("MAR", "ESH", "western-sahara", "the atlas draws the part west of the berm in Morocco"),
    OutlineDecision("EGY", "halaib", "halaib", "contested; the atlas shows it in Egypt"),
    OutlineDecision("SDN", "bir-tawil", "bir-tawil", "claimed by nobody; the atlas shows it in Sudan"),
    OutlineDecision("SDN", "abyei", "abyei", "contested; the atlas shows it in Sudan"),
    OutlineDecision("IND", "jammu-and-kashmir-ladakh", "jammu-and-kashmir-ladakh", "contested"),
    OutlineDecision("PAK", "azad-kashmir-gilgit-baltistan", "azad-kashmir-gilgit-baltistan", "contested"),
    OutlineDecision("CHN", "aksai-chin", "aksai-chin", "contested; the atlas shows it in China"),
    OutlineDecision("CHN", "shaksgam-valley", "shaksgam-valley", "contested; the atlas shows it in China"),
    OutlineDecision("ISR", "golan", "golan", "contested; the atlas shows it in Israel"),
    OutlineDecision("GEO", "south-ossetia", "south-ossetia", "contested; the atlas shows it in Georgia"),
    OutlineDecision("MDA", "transnistria", "transnistria", "contested; the atlas shows it in Moldova"),
    OutlineDecision("GUY", "essequibo", "essequibo", "contested; the atlas shows it in Guyana"),
)

UNITS = (
    UnitDecision("UKR", "donetsk-oblast", "UA", ("05",), "contested; the atlas shows it in Ukraine"),
    UnitDecision("UKR", "luhansk-oblast", "UA", ("14",), "contested; the atlas shows it in Ukraine"),
    UnitDecision("UKR", "zaporizhzhia-oblast", "UA", ("26",), "contested; the atlas shows it in Ukraine"),
    UnitDecision("UKR", "kherson-oblast", "UA", ("08",), "contested; the atlas shows it in Ukraine"),
    UnitDecision("IND", "arunachal-pradesh", "IN", ("30",), "contested; the atlas shows it in India"),
    UnitDecision("GEO", "abkhazia", "GE", ("02",), "contested; the atlas shows it in Georgia"),
)

# The atlas draws these far larger than they are (its grid is 400 m): our outline replaces its polygon, and what the
# atlas drew beyond the outline belongs to the neighbour.
REDRAWN = (OutlineDecision("FRA", "MCO", "monaco", "the atlas draws 18 km² of a principality of 2 km²"),)
