"""The few pieces of HTML that the report is made of. Whatever is not already Markup is escaped."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files

from openleo.attributes import attributes

NO_REQUESTS = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


class Markup(str):
    """HTML that may stand as it is."""

    __slots__ = ()


def safe(value: object) -> Markup:
    """Escaped, unless it is Markup already.

    >>> safe("<Taiwan & 'friends'>")
    '&lt;Taiwan &amp; &#x27;friends&#x27;&gt;'
    """
    return value if isinstance(value, Markup) else Markup(escape(str(value), quote=True))


def joined(pieces: Sequence[object]) -> Markup:
    """One piece after another."""
    return Markup("\n".join(safe(piece) for piece in pieces))


def tag(name: str, *content: object, **attributes_: str) -> Markup:
    """One element; `class_` stands for `class`, other underscores for hyphens."""
    said = "".join(f' {key.rstrip("_").replace("_", "-")}="{safe(value)}"' for key, value in attributes_.items())
    return Markup(f"<{name}{said}>{''.join(safe(piece) for piece in content)}</{name}>")


def paragraph(text: object, **attributes_: str) -> Markup:
    """A paragraph."""
    return tag("p", text, **attributes_)


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[object]], *, widths: str = "") -> Markup:
    """A table whose first column names the row. A head that ends in `>` is a column of numbers."""
    number = [head.endswith(">") for head in heads]
    head = "".join(
        tag("th", name.removesuffix(" >"), scope="col", **({"class_": "n"} if is_number else {}))
        for name, is_number in zip(heads, number, strict=True)
    )
    body = [tag("tr", _cells(row, number)) for row in rows]
    made = tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", Markup(head))),
        tag("tbody", joined(body)),
        **_class(widths),
    )
    # A wide table scrolls by itself; tabindex lets a keyboard reach it.
    return tag("div", made, class_="wide", tabindex="0", role="region", aria_label=caption)


def _cells(row: Sequence[object], number: Sequence[bool]) -> Markup:
    cells = [tag("th", row[0], scope="row")]
    cells += [
        tag("td", value, **({"class_": "n"} if is_number else {}))
        for value, is_number in zip(row[1:], number[1:], strict=True)
    ]
    return Markup("".join(cells))


def _class(name: str) -> dict[str, str]:
    return {"class_": name} if name else {}


def bar(shares: Sequence[tuple[str, float]], said: str) -> Markup:
    """A stacked bar; each share is a reason's code, which is its colour, and a width."""
    x, pieces = 0.0, []
    for code, share in shares:
        if share > 0.0:
            pieces.append(tag("rect", x=f"{x:.3f}", y="0", width=f"{100.0 * share:.3f}", height="10", class_=code))
        x += 100.0 * share
    svg = tag(
        "svg",
        tag("title", said),
        *pieces,
        viewBox="0 0 100 10",
        preserveAspectRatio="none",
        role="img",
        aria_label=said,
    )
    return tag("div", svg, class_="bar")


def key(codes: Sequence[str], names: Mapping[str, str] | None = None) -> Markup:
    """What the colours of the bars mean; `names` where the codes say too little."""
    items = []
    for code in codes:
        square = tag("svg", tag("rect", width="10", height="10", class_=code), viewBox="0 0 10 10", aria_hidden="true")
        items.append(tag("li", square, (names or {}).get(code, code.replace("_", " "))))
    return tag("ul", *items, class_="key")


def definitions(table_name: str, names: Sequence[str] = ()) -> Markup:
    """Terms and meanings from data/attributes; all of a table's, or those named."""
    rows = [row for row in attributes(table_name) if not names or row.name in names]
    pieces: list[Markup] = []
    for row in rows:
        unit = f" ({row.unit})" if row.unit not in ("", "1") else ""
        pieces += [tag("dt", row.name.replace("_", " ") + unit), tag("dd", row.meaning.replace("`", ""))]
    return tag("dl", *pieces)


def page(title: str, body: Markup) -> str:
    """A whole page that asks nobody for anything."""
    css = (files("openleo.report") / "report.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{NO_REQUESTS}">\n'
        f"<title>{safe(title)}</title>\n<style>\n{css}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def picture(png: bytes, alt: str, **attributes_: str) -> Markup:
    """A picture within the page."""
    data = base64.b64encode(png).decode()
    return tag("figure", Markup(f'<img src="data:image/png;base64,{data}" alt="{safe(alt)}">'), **attributes_)
