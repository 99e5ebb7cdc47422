# SPDX-License-Identifier: GPL-3.0-or-later
"""The little of SVG that a diagram needs."""

import math
from xml.sax.saxutils import escape


def scale(low, high, start, end):
    """Maps low…high to start…end."""
    return lambda value: start + (value - low) * (end - start) / (high - low)


def log_scale(low, high, start, end):
    linear = scale(math.log(low), math.log(high), start, end)
    return lambda value: linear(math.log(value))


def _number(value):
    return f"{value:.1f}".removesuffix(".0")


def rect(x, y, width, height, kind):
    at = f'x="{_number(x)}" y="{_number(y)}"'
    return f'<rect {at} width="{_number(width)}" height="{_number(height)}" class="{kind}"/>'


def line(x1, y1, x2, y2, kind):
    return f'<path d="M{_number(x1)} {_number(y1)}L{_number(x2)} {_number(y2)}" class="{kind}"/>'


def polyline(points, kind):
    path = " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
    return f'<polyline points="{path}" class="{kind}"/>'


def text(x, y, words, kind=None, anchor="start"):
    attributes = f'x="{_number(x)}" y="{_number(y)}"'
    if kind:
        attributes += f' class="{kind}"'
    if anchor != "start":
        attributes += f' text-anchor="{anchor}"'
    return f"<text {attributes}>{escape(words)}</text>"


def document(width, height, title, style, parts):
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        "<!-- SPDX-License-Identifier: GPL-3.0-or-later -->",
        f"<title>{escape(title)}</title>",
        f"<style>{style}</style>",
        *parts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"
