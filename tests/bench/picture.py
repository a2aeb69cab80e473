#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark's main comparisons, for the documentation.

picture.py draw JSON SVG   the counted figures of JSON, which report.py wrote, as bars
picture.py keep JSON DIR   condenses them into DIR/bench.json, and draws DIR/bench.svg
picture.py costs JSON      prints them as the first table of Documentation/performance.rst
picture.py growth JSON     prints its table of how the cost of a no-op item grows
"""

import itertools
import json
import os
import statistics
import sys
from xml.sax.saxutils import escape

ENGINES = ("slow_work", "workqueue", "kthread_worker")
OURS, WQ, KW = ENGINES

# Row of report.py, label
BARS = [
    ("noop-p1", "no-op item"),
    ("noop-t64", "no-op item, 64 threads"),
    ("wake-now-p50", "wake-up"),
    ("wake-idle-p50", "wake-up after 200 us of idleness"),
    ("burst-cold", "1000 items of 10 ms, cold pool"),
    ("burst-warm", "1000 items of 10 ms, warm pool"),
    ("quick-p50", "quick item behind 200 very slow"),
    ("pending", "enqueue of a pending item"),
    ("cancel-1", "cancel of a queued item"),
    ("arm", "enqueue with a delay"),
    ("disarm", "cancel of that"),
]

# The same for the table, with the unit; None: a plain number
TABLE = [
    ("noop-p1", "no-op item, 1 producer, ns", 1),
    ("noop-p2", "no-op item, 2 producers, ns", 1),
    ("noop-t64", "no-op item, 64 threads, ns", 1),
    ("wake-now-p50", "wake-up, one after the other, ns", 1),
    ("wake-now-p99", "its 99th percentile, ns", 1),
    ("wake-idle-p50", "wake-up after 200 us of idleness, ns", 1),
    ("burst-cold", "1000 items of 10 ms, cold pool, ms", 1e6),
    ("burst-warm", "1000 items of 10 ms, warm pool, ms", 1e6),
    ("quick-p50", "quick item behind 200 very slow, us", 1e3),
    ("pending", "enqueue of a pending item, ns", 1),
    ("cancel-1", "cancel of a queued item, ns", 1),
    ("arm", "enqueue with a delay, ns", 1),
    ("disarm", "cancel of that, ns", 1),
    ("idle-switches", "context switches in 10 s of idleness", 1),
    ("idle-cpu", "CPU time in 10 s of idleness, ns", 1),
    ("size-item", "bytes of an item", 1),
    ("size-delayed", "bytes of a delayed item", 1),
    ("size-thread", "bytes of a thread, but task and stack", 1),
    ("runqueue-1000", "line of runqueue, of 1,000, us", 1e3),
    ("runqueue-100000", "line of runqueue, of 100,000, us", 1e3),
    ("runqueue-alone", "enqueue behind 100,000 items, ns", 1),
    ("runqueue-beside", "the same while runqueue is read, ns", 1),
]

STYLE = """
  .back { fill: #ffffff; } text { fill: #1f2328; font: 13px sans-serif; }
  .title { font-size: 15px; font-weight: bold; } .small { fill: #59636e; font-size: 12px; }
  .grid { stroke: #d1d9e0; } .one { stroke: #1f2328; stroke-width: 1.5; }
  .ours { fill: #2a6fc9; } .kw { fill: #c08a1e; }
  @media (prefers-color-scheme: dark) {
    .back { fill: #0d1117; } text { fill: #e6edf3; } .small { fill: #9198a1; }
    .grid { stroke: #3d444d; } .one { stroke: #e6edf3; }
    .ours { fill: #58a6ff; } .kw { fill: #d9a441; }
  }"""
WIDTH, LEFT, RIGHT, TOP, STEP, MOST = 860, 235, 205, 96, 34, 1.75


def read(path):
    """{kernel: {row: {engine: median}}}, {kernel: release} of the counted runs"""
    with open(path, encoding="utf-8") as f:
        runs = json.load(f)
    found, releases = {}, {}
    for name, run in runs.items():
        if name.startswith("counted-"):
            kernel = name[len("counted-"):]
            found[kernel] = {row: {e: statistics.median(v if isinstance(v, list) else [v])
                                   for e, v in engines.items()}
                             for row, engines in run["figures"].items()}
            releases[kernel] = run["release"]
    return found, releases


def show(ns):
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if ns >= 10 * size or (unit != "us" and ns >= size):
            return f"{ns / size:.3g} {unit}"
    return f"{ns:.0f} ns"


def bar(y, height, kind, ratio):
    x, end = LEFT, LEFT + min(ratio, MOST) / MOST * (WIDTH - LEFT - RIGHT)
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{max(end - x, 1.5):.1f}" height="{height}"/>'


def draw(path, figures, release):
    """Of one kernel: bars that are times a workqueue's"""
    bars = [(label, figures[row]) for row, label in BARS if row in figures]
    height = TOP + len(bars) * STEP + 42
    bottom = TOP + len(bars) * STEP

    def at(ratio):
        return LEFT + ratio / MOST * (WIDTH - LEFT - RIGHT)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
           f'width="{WIDTH}" height="{height}" role="img">',
           "<title>What slow-work costs, beside a workqueue</title>",
           f"<style>{STYLE}\n</style>",
           f'<rect class="back" width="{WIDTH}" height="{height}" rx="6"/>',
           '<text class="title" x="16" y="28">What it costs, a workqueue\'s cost being 1</text>',
           f'<text class="small" x="16" y="48">counted instructions, one CPU, Linux {escape(release)};'
           " shorter is better</text>",
           '<rect class="ours" x="16" y="60" width="12" height="12"/><text x="34" y="71">slow-work</text>',
           '<rect class="kw" x="116" y="60" width="12" height="12"/>'
           '<text x="134" y="71">kthread_worker, one thread</text>',
           f'<text class="small" x="{at(1):.1f}" y="{TOP - 10}" text-anchor="middle">workqueue</text>',
           f'<text class="small" x="{WIDTH - 16}" y="{TOP - 10}" text-anchor="end">'
           "slow-work, workqueue</text>"]
    for tenth in range(0, int(MOST * 10) + 1, 5):
        x = at(tenth / 10)
        kind = "one" if tenth == 10 else "grid"
        out.append(f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 4}" y2="{bottom}"/>')
        out.append(f'<text class="small" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{tenth / 10}</text>')
    for n, (label, row) in enumerate(bars):
        y = TOP + n * STEP
        ratio = row[OURS] / row[WQ]
        kw = row[KW] / row[WQ] if KW in row else None
        value = f"{ratio:.2f}" if ratio >= 0.01 else "under 0.00001" if ratio < 1e-5 else f"{ratio:.5f}"
        # Beside the line at 1, not on it
        end = at(1) if at(1) - 40 < at(ratio) < at(1) else at(min(ratio, MOST))
        out += [f'<text x="{LEFT - 10}" y="{y + 17}" text-anchor="end">{escape(label)}</text>',
                bar(y + 5, 12, "ours", ratio),
                f'<text x="{end + 7:.1f}" y="{y + 16}">{value}</text>']
        if kw is not None:
            out.append(bar(y + 19, 6, "kw", kw))
        out.append(f'<text class="small" x="{WIDTH - 16}" y="{y + 17}" text-anchor="end">'
                   f'{show(row[OURS])}, {show(row[WQ])}</text>')
    out.append("</svg>")
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(out) + "\n")


def first(found, releases):
    kernel = min(found, key=lambda k: [int(n) for n in k.split("-", 1)[0].split(".")])
    return found[kernel], releases[kernel]


def keep(path, where):
    """What else is kept there stays: other kernels"""
    kept = f"{where}/bench.json"
    all_runs = {}
    if os.path.exists(kept):
        with open(kept, encoding="utf-8") as f:
            all_runs = json.load(f)
    found, releases = read(path)
    for kernel, figures in found.items():
        all_runs[f"counted-{kernel}"] = {"release": releases[kernel], "figures": {
            row: {e: round(v, 2) for e, v in engines.items()} for row, engines in figures.items()}}
    # A row a line: a diff then tells what became dearer
    runs = []
    for name, run in sorted(all_runs.items(), key=lambda i: len(i[0])):
        rows = ",\n".join(f"  {json.dumps(r)}: {json.dumps(e)}" for r, e in run["figures"].items())
        runs.append(f'{json.dumps(name)}: {{"release": {json.dumps(run["release"])}, "figures": {{\n{rows}}}}}')
    with open(kept, "w", encoding="utf-8") as f:
        f.write("{" + ",\n".join(runs) + "}\n")
    draw(f"{where}/bench.svg", *first(*read(kept)))


def number(value, size):
    return f"{value / size:.1f}" if size > 1 and value / size < 1000 else f"{value / size:.0f}"


def show_table(head, lines):
    widths = [max(len(line[n]) for line in [head, *lines]) for n in range(len(head))]
    rule = " ".join("=" * w for w in widths)
    print(rule)
    print(" ".join(c.ljust(w) for c, w in zip(head, widths)).rstrip())
    print(rule)
    for line in lines:
        print(" ".join(c.ljust(w) for c, w in zip(line, widths)).rstrip())
    print(rule)


def growth(path):
    """The first kernel's figures, in brackets the next one's"""
    found, _ = read(path)
    kernels = sorted(found, key=len)

    def each(row):
        costs = [f"{found[k][row][OURS]:.0f}" for k in kernels if row in found[k]]
        return costs[0] + (f" ({', '.join(costs[1:])})" if costs[1:] else "")

    columns = [
        ([f"{n:,}", each(f"noop-n{n}" if n != 100000 else "noop-p1")]
         for n in (10, 100, 1000, 10000, 100000, 1000000)),
        ([str(n), each(f"noop-t{n}")] for n in (2, 8, 16, 32, 64, 255)),
        ([str(n), each(f"users-{n}")] for n in (1, 2, 16, 64, 1000)),
    ]
    lines = [sum((pair or ["", ""] for pair in line), [])
             for line in itertools.zip_longest(*columns)]
    show_table(["items", "each", "threads", "each", "users in turn", "each"], lines)


def costs(path):
    found, _ = read(path)
    kernels = sorted(found, key=len)
    head = ["job"]
    for kernel in kernels:
        head += [f"{kernel}: slow-work", "workqueue", "ratio"]
    lines = []
    for row, label, size in TABLE:
        cells = [label]
        for kernel in kernels:
            figures = found[kernel].get(row, {})
            ours, wq = figures.get(OURS), figures.get(WQ)
            compared = wq and not row.startswith(("idle", "size-thread", "runqueue"))
            ratio = ours / wq if ours is not None and compared else None
            cells += ["" if ours is None else number(ours, size),
                      number(wq, size) if compared or (wq == 0 and row.startswith("idle")) else "",
                      "" if ratio is None or ratio < 0.01 else f"{ratio:.2f}"]
        lines.append(cells)
    show_table(head, lines)


def main():
    command, *words = sys.argv[1:] or [""]
    if command == "draw" and len(words) == 2:
        found, releases = read(words[0])
        if found:
            draw(words[1], *first(found, releases))
    elif command == "keep" and len(words) == 2:
        keep(*words)
    elif command == "costs" and len(words) == 1:
        costs(*words)
    elif command == "growth" and len(words) == 1:
        growth(*words)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
