# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays arrival, promotion, cut, fallback and recovery once, and draws round trips and loss."""

import time
from pathlib import Path

import lab
import svg
import topology
from product import Helper
from scene import Scene
from traffic import Traffic

# Pings and numbered packets of each direction, seconds between two and number a second.
PING_INTERVAL = 0.02
PER_SECOND = 500

# What the picture shows before the first event, between two, and after the last, in seconds.
PAUSE = 2.5

# How finely loss is shown, in seconds.
BIN = 0.1


def play(world):
    """Returns {"events", "pings", "loss"}, with times in seconds from the start."""
    scene = Scene(world).connect()
    anna, ben = scene.laptops
    scene.server.start()
    Helper(anna).start()
    time.sleep(1)
    traffic = Traffic(anna, ben, PER_SECOND)
    pings = anna.stream(ben.tunnel.ip4, PING_INTERVAL)
    start, to_monotonic = time.monotonic(), time.monotonic() - time.time()
    events = []

    def change(what, action, then, path):
        time.sleep(PAUSE)
        at = time.monotonic()
        action()
        traffic.until_path(path, since=at, seconds=60)
        done = max(flow.first_arrival(path, at) for flow in traffic.flows)
        events.append({"at": at - start, "what": what, "done": done - start, "then": then})

    change("ben's helper starts", Helper(ben).start, "direct", "direct")
    change("LAN path cut", lambda: scene.sites[0].isolate(anna, ben), "by the hub", "hub")
    change("LAN path mended", lambda: scene.sites[0].join_again(anna, ben), "direct again", "direct")
    time.sleep(PAUSE)
    _, replies = pings.stop()
    traffic.stop()
    return {
        "events": events,
        "pings": [
            {"at": r.at + to_monotonic - start, "ms": r.ms, "path": r.path}
            for r in replies
            if r.at + to_monotonic >= start
        ],
        "loss": _loss(traffic, start),
    }


def _loss(traffic, start):
    """The part of the packets sent in each bin that never came, of the worse direction."""
    bins = {}
    for flow in traffic.flows:
        for packet in flow.between(start, float("inf")):
            counts = bins.setdefault(int((packet.sent - start) / BIN), {}).setdefault(flow.name, [0, 0])
            counts[0] += packet.path is None
            counts[1] += 1
    worst = {n: max(lost / sent for lost, sent in flows.values()) for n, flows in bins.items()}
    return [{"at": n * BIN, "part": round(part, 3)} for n, part in sorted(worst.items()) if part]


def measure(file):
    with lab.Lab() as the_lab:
        played = play(topology.World(the_lab))
    Path(file).write_text(draw(played), encoding="utf-8")
    return played


# --- the picture -----------------------------------------------------------

WIDTH, HEIGHT = 860, 300

# The plot and the strip for the loss below it: left, top, right, bottom.
PLOT = (56, 56, WIDTH - 16, 212)
STRIP = (56, 226, WIDTH - 16, 262)

# The scale of the round trips, in milliseconds.
LEAST_MS, MOST_MS = 0.1, 200

STYLE = """
svg { color-scheme: light dark; font: 12px system-ui, sans-serif; }
.paper { fill: #ffffff; } text { fill: #1f2328; } .faint { fill: #59636e; }
.grid { stroke: #d1d9e0; } .event { stroke: #59636e; stroke-dasharray: 3 3; }
.hub { fill: none; stroke: #bc4c00; stroke-width: 2; } text.hub { fill: #bc4c00; stroke: none; }
.direct { fill: none; stroke: #1a7f37; stroke-width: 2; } text.direct { fill: #1a7f37; stroke: none; }
.loss { fill: #cf222e; }
@media (prefers-color-scheme: dark) {
.paper { fill: #0d1117; } text { fill: #f0f6fc; } .faint { fill: #9198a1; }
.grid { stroke: #3d444d; } .event { stroke: #9198a1; }
.hub { stroke: #f0883e; } text.hub { fill: #f0883e; }
.direct { stroke: #3fb950; } text.direct { fill: #3fb950; }
.loss { fill: #f85149; }
}
"""


def draw(played):
    seconds = max(ping["at"] for ping in played["pings"])
    x = svg.scale(0, seconds, PLOT[0], PLOT[2])
    y = svg.log_scale(LEAST_MS, MOST_MS, PLOT[3], PLOT[1])
    title = "Round trip and loss between two laptops"
    parts = [svg.rect(0, 0, WIDTH, HEIGHT, "paper"), *_axes(x, y, seconds)]
    parts += _round_trips(played["pings"], x, y)
    parts += [_bar(one, x) for one in played["loss"]]
    for event in played["events"]:
        parts += _event(event, x)
    return svg.document(WIDTH, HEIGHT, title, STYLE, parts)


def _axes(x, y, seconds):
    left, _, right, _ = PLOT
    parts = []
    for ms in (0.1, 1, 10, 100):
        parts.append(svg.line(left, y(ms), right, y(ms), "grid"))
        parts.append(svg.text(left - 6, y(ms) + 4, f"{ms:g} ms", "faint", "end"))
    parts.append(svg.line(left, STRIP[3], right, STRIP[3], "grid"))
    parts.append(svg.text(left - 6, STRIP[3] - 14, "lost", "faint", "end"))
    for second in range(0, int(seconds) + 1, 2):
        parts.append(svg.text(x(second), STRIP[3] + 18, f"{second} s", "faint", "middle"))
    return parts


def _round_trips(pings, x, y):
    """A line for as long as the path stays the same and answers come."""
    parts, points, before = [], [], None
    for ping in [*pings, None]:
        broken = ping is None or before is not None and (
            ping["path"] != before["path"] or ping["at"] - before["at"] > 0.2
        )
        if broken and points:
            parts.append(svg.polyline(points, before["path"]))
            points = []
        if ping is not None:
            points.append((x(ping["at"]), y(min(max(ping["ms"], LEAST_MS), MOST_MS))))
            before = ping
    return parts


def _bar(one, x):
    height = one["part"] * (STRIP[3] - STRIP[1])
    return svg.rect(x(one["at"]), STRIP[3] - height, x(BIN) - x(0), height, "loss")


def _event(event, x):
    took = event["done"] - event["at"]
    path = "hub" if "hub" in event["then"] else "direct"
    return [
        svg.line(x(event["at"]), 20, x(event["at"]), STRIP[3], "event"),
        svg.text(x(event["at"]) + 4, 24, event["what"]),
        svg.line(x(event["done"]), 34, x(event["done"]), STRIP[3], "event"),
        _label(x(event["done"]), f"{event['then']}: {took:.2f} s", path),
    ]


def _label(at, words, kind):
    """Beside its line, on the side where there is room."""
    if at > WIDTH - 140:
        return svg.text(at - 4, 42, words, kind, "end")
    return svg.text(at + 4, 42, words, kind)
