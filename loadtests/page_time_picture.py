"""Before and after as one picture: a bar for each view and source."""

from collections.abc import Mapping
from html import escape

WIDTH, LEFT, RIGHT, BAR, GAP, TOP = 760, 20, 90, 22, 6, 44
COLOURS = {"live": "#b3261e", "mirror": "#0b6e38"}
WORDS = {"live": "before: live from DRS and EC2, 100 ms a call", "mirror": "after: from the mirror"}


def draw(seconds: Mapping[tuple[str, str], float]) -> str:
    """An SVG of these times by (view, source)."""
    views = list(dict.fromkeys(view for view, _ in seconds))
    scale = (WIDTH - LEFT - RIGHT) / max(seconds.values())
    parts, y = [_legend()], TOP
    for view in views:
        parts.append(f'<text x="{LEFT}" y="{y + 14}" font-weight="600">{escape(view)}</text>')
        y += 24
        for source, colour in COLOURS.items():
            value = seconds[view, source]
            parts.append(_bar(y, max(2.0, value * scale), colour, f"{value:.2f} s"))
            y += BAR + GAP
        y += 14
    style = "font-family:system-ui,sans-serif;font-size:14px"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" '
        f'style="{style}" role="img">'
        '<title>Time from navigation to instances shown</title><rect width="100%" '
        'height="100%" fill="#fff"/>'
        f'<g fill="#17202b">{"".join(parts)}</g></svg>\n'
    )


def _legend() -> str:
    first, second = (
        f'<rect x="{x}" y="14" width="14" height="14" fill="{COLOURS[source]}"/>'
        f'<text x="{x + 20}" y="26">{escape(WORDS[source])}</text>'
        for x, source in ((LEFT, "live"), (LEFT + 360, "mirror"))
    )
    return first + second


def _bar(y: int, length: float, colour: str, label: str) -> str:
    return (
        f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}" rx="3" fill="{colour}"/>'
        f'<text x="{LEFT + length + 8:.1f}" y="{y + 16}">{label}</text>'
    )
