"""Places: territories and their waters, people, and the cut of cells into cell × territory parts.

territories (who is who, who disputes what) ─► land, waters (whose ground a point is) ─► parts (cells cut by both,
with area and people) ─► everything that weighs a cell. `areas` reads what a scenario asks for, `gazetteer` finds a
place by its name. `expression_text` reads the language of areas into `expressions`; `regions`, `shapes`
and `geojson` make the polygons that it names.
"""
