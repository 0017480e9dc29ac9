"""Draws a story as an SVG picture: a lane per kind of thing, time downwards, lines from cause to effect.

No layout library: a story is a tree in time, and its layout is two loops. The picture has no script, reads in light and
in dark, and each event is a labelled group for those who do not see it (WAI-ARIA Graphics Module 1.0).
"""

from collections.abc import Sequence
from typing import Final, NamedTuple
from xml.etree import ElementTree as Xml

from authrim.audit.lineage.causes import Told
from authrim.audit.lineage.story import Story
from authrim.audit.sentences import shown
from authrim.audit.timeline import time_of
from domain.stream import ACCOUNT, CLIENT

#: The most events of one picture; the text has all of them.
MOST_DRAWN: Final = 400

_LANES: Final = ("Client and account", "Session", "Request and consent", "Code and refresh", "Tokens")
_LANE_OF: Final = {
    CLIENT: 0, ACCOUNT: 0, "session": 1, "session's end": 1, "logout notice": 1, "request": 2, "sign-in": 2,
    "failed sign-in": 2, "another account": 2, "consent": 2, "refusal": 2, "access token": 4, "ID token": 4,
}  # fmt: skip
#: Steps of which an auditor looks for first, each with a colour and a heavier frame.
_BAD: Final = ("replay", "void code", "failed sign-in", "refusal")
_ENDS: Final = ("revocation", "session's end")

_WIDTH, _HEIGHT, _GUTTER, _GAP, _TOP, _LEFT = 224, 50, 36, 26, 124, 40
_STYLE: Final = """
svg { color-scheme: light dark; background: #fff; font: 13px system-ui, sans-serif; }
.back { fill: #fff; } .lane { fill: #f3f5f8; } text { fill: #16202e; } .small { fill: #4a5768; font-size: 11.5px; }
h1, .title { font-size: 18px; font-weight: 600; } .head { font-weight: 600; }
.node rect { fill: #fff; stroke: #5b6b80; stroke-width: 1.2; } .node .name { font-weight: 600; }
.token rect { fill: #e6f0fd; stroke: #1f5fae; } .bad rect { fill: #fdeaea; stroke: #b3261e; stroke-width: 2.4; }
.end rect { fill: #fff3dc; stroke: #8a5a00; stroke-width: 2.4; }
.edge { fill: none; stroke: #5b6b80; stroke-width: 1.4; } .relies { stroke-dasharray: 5 4; } .tip { fill: #5b6b80; }
@media (prefers-color-scheme: dark) {
  svg { background: #10161f; } .back { fill: #10161f; } .lane { fill: #182130; } text { fill: #eaf0f8; }
  .small { fill: #b3c0d1; } .node rect { fill: #10161f; stroke: #93a4ba; }
  .token rect { fill: #11294a; stroke: #7db3f5; } .bad rect { fill: #45140f; stroke: #ff9a92; }
  .end rect { fill: #3d2b05; stroke: #f0bd5a; } .edge { stroke: #93a4ba; } .tip { fill: #93a4ba; }
}
"""


class _Box(NamedTuple):
    """Where an event is drawn."""

    lane: int
    row: int

    @property
    def left(self) -> int:
        return _LEFT + self.lane * (_WIDTH + _GUTTER)

    @property
    def top(self) -> int:
        return _TOP + self.row * (_HEIGHT + _GAP)

    @property
    def middle(self) -> int:
        return self.top + _HEIGHT // 2


def draw(story: Story, title: str) -> str:
    """The picture as the text of an SVG file."""
    told = story.told[:MOST_DRAWN]
    left_out = len(story.told) - len(told)
    boxes = _places(told)
    height = _TOP + (max((box.row for box in boxes.values()), default=0) + 1) * (_HEIGHT + _GAP) + 20
    width = _LEFT + len(_LANES) * (_WIDTH + _GUTTER)
    svg = Xml.Element("svg", {
        "xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {width} {height}", "width": str(width),
        "height": str(height), "lang": "en", "role": "graphics-document document",
        "aria-roledescription": "causal graph", "aria-labelledby": "title desc",
    })  # fmt: skip
    _text(svg, "title", {"id": "title"}, title)
    _text(svg, "desc", {"id": "desc"}, _description(story, left_out))
    _text(svg, "style", {}, _STYLE)
    Xml.SubElement(svg, "rect", {"class": "back", "width": str(width), "height": str(height)})
    _text(svg, "text", {"class": "title", "x": str(_LEFT), "y": "34"}, title)
    _text(svg, "text", {"class": "small", "x": str(_LEFT), "y": "58"}, _legend(story, left_out))
    for number, name in enumerate(_LANES):
        _lane(svg, number, name, height)
    edges = Xml.SubElement(svg, "g", {"aria-hidden": "true"})
    for one in told:
        _edges(edges, one, boxes)
    for one in told:
        _node(svg, one, boxes[one.line.position])
    Xml.indent(svg, " ")
    return Xml.tostring(svg, "unicode") + "\n"


def lane_of(one: Told) -> int:
    """The lane of an event; whatever else happens to a grant is in that of its codes and refresh tokens."""
    return _LANE_OF.get(one.step, 3)


def _places(told: Sequence[Told]) -> dict[int, _Box]:
    """A row per append, where its events have room side by side; else a row per event."""
    boxes: dict[int, _Box] = {}
    row, taken, at = -1, -1, None
    for one in told:
        lane = lane_of(one)
        if one.line.recorded_at != at or lane <= taken:
            row += 1
        taken, at = lane, one.line.recorded_at
        boxes[one.line.position] = _Box(lane, row)
    return boxes


def _lane(svg: Xml.Element, number: int, name: str, height: int) -> None:
    left = _Box(number, 0).left
    around = {
        "x": str(left - 10),
        "y": "76",
        "width": str(_WIDTH + 20),
        "height": str(height - 86),
        "rx": "8",
    }
    Xml.SubElement(svg, "rect", {"class": "lane", **around})
    _text(svg, "text", {"class": "head", "x": str(left), "y": "100"}, name)


def _node(svg: Xml.Element, one: Told, box: _Box) -> None:
    kind = "token" if lane_of(one) == 4 else ""
    kind = "bad" if one.step in _BAD else "end" if one.step in _ENDS or one.line.type in _ENDING else kind
    cause = "" if one.caused_by is None else f" Because of position {one.caused_by}."
    place = f"position {one.line.position}, {time_of(one.line.recorded_at)}"
    group = Xml.SubElement(svg, "g", {
        "class": f"node {kind}".strip(), "role": "graphics-symbol img", "aria-roledescription": "event",
        "aria-label": f"{one.step}, {place}. {one.line.what}{cause}",
    })  # fmt: skip
    _text(group, "title", {}, f"{one.line.what} {_stream_of(one)}")
    size = {"x": str(box.left), "y": str(box.top), "width": str(_WIDTH), "height": str(_HEIGHT), "rx": "6"}
    Xml.SubElement(group, "rect", size)
    name = {"class": "name", "x": str(box.left + 10), "y": str(box.top + 21)}
    _text(group, "text", name, _cut(_name(one), 26))
    small = {"class": "small", "x": str(box.left + 10), "y": str(box.top + 39)}
    _text(
        group,
        "text",
        small,
        f"#{one.line.position} · {time_of(one.line.recorded_at)[5:-4].replace('T', ' ')}",
    )


#: Events of clients and accounts that end grants.
_ENDING: Final = (
    "client.disabled.v1", "client.deleted.v1", "account.disabled.v1", "account.grants_ended.v1",
    "account.consent_withdrawn.v1", "account.person_erased.v1",
)  # fmt: skip


def _name(one: Told) -> str:
    """What stands in the box: the step, and what tells it from others of its kind."""
    fields = one.line.fields
    if one.step in (CLIENT, ACCOUNT):
        return " ".join(one.line.type.split(".")[:2]).replace("_", " ").replace("account consent", "consent")
    if "generation" in fields:
        return f"{one.step} {shown(fields['generation'])}"
    detail = next((shown(fields[name]) for name in ("error", "reason") if fields.get(name)), "")
    return f"{one.step}: {detail}" if detail else one.step


def _stream_of(one: Told) -> str:
    return "(" + shown(one.line.stream.partition(":")[2].replace(":", " ", 1)) + ")"


def _edges(parent: Xml.Element, one: Told, boxes: dict[int, _Box]) -> None:
    to = boxes[one.line.position]
    if one.caused_by in boxes:
        _edge(parent, boxes[one.caused_by], to, "edge")
    for position in one.relies_on:
        if position in boxes:
            _edge(parent, boxes[position], to, "edge relies")


def _edge(parent: Xml.Element, begin: _Box, to: _Box, kind: str) -> None:
    """A line in the gutters between boxes: through none of them."""
    right, entry = begin.left + _WIDTH, to.left + 24
    if begin.row == to.row and to.lane > begin.lane:
        path, tip = f"M{right} {begin.middle}H{to.left - 6}", "right"
    elif begin.lane == to.lane and to.row == begin.row + 1:
        path, tip = f"M{entry} {begin.top + _HEIGHT}V{to.top - 6}", "down"
    elif begin.lane == to.lane:
        below = begin.top + _HEIGHT
        path = f"M{entry} {below}V{below + _GAP // 3}H{begin.left - 16}V{to.middle}H{to.left - 6}"
        tip = "right"
    elif to.row > begin.row:
        side = right + 14 if to.lane > begin.lane else begin.left - 22
        out = right if to.lane > begin.lane else begin.left
        path, tip = f"M{out} {begin.middle}H{side}V{to.top - _GAP // 2}H{entry}V{to.top - 6}", "down"
    else:  # the cause has the later position in one append, or stands to the right
        path, tip = f"M{begin.left} {begin.middle}H{to.left + _WIDTH + 6}", "left"
    Xml.SubElement(parent, "path", {"class": kind, "d": path})
    x, y = {"right": (to.left, to.middle), "down": (entry, to.top), "left": (to.left + _WIDTH, to.middle)}[
        tip
    ]
    shape = {"right": "l-8 -4v8z", "down": "l-4 -8h8z", "left": "l8 -4v8z"}[tip]
    Xml.SubElement(parent, "path", {"class": "tip", "d": f"M{x} {y}{shape}"})


def _description(story: Story, left_out: int) -> str:
    parts = [
        f"{len(story.told)} events in the order of the log, from top to bottom, in lanes: {', '.join(_LANES)}."
    ]
    parts += [f"{one.line.what}" for one in story.told if one.step in (*_BAD, *_ENDS)][:20]
    return " ".join([*parts, _rest(left_out)]).strip()


def _legend(story: Story, left_out: int) -> str:
    first = time_of(story.told[0].line.recorded_at)[:-8] if story.told else ""
    text = f"{len(story.told)} events from {first} on (UTC). A line leads from cause to effect."
    return f"{text} {_rest(left_out)}".strip()


def _rest(left_out: int) -> str:
    return f"{left_out} later events are not drawn; the text has them." if left_out else ""


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _text(parent: Xml.Element, tag: str, attributes: dict[str, str], text: str) -> None:
    Xml.SubElement(parent, tag, attributes).text = text
