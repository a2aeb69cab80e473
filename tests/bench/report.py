#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the benchmark's lines say.

report.py table DIR      a table of all runs in DIR (MODE-KERNEL.txt), with the bounds;
                         also writes DIR/bench.json, for picture.py
report.py check FILE     compares ours with the recorded figures (KTAP)
report.py record FILE    records them
report.py sections FILE  the same of where interrupts are off, and how long
"""

import json
import os
import re
import statistics
import sys

RECORDED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorded.json")
TOLERANCE = 0.02
TOLERANCE_ELSEWHERE = 0.10	# another release has other costs of its own
# The longest of millions depends on what meets what: held to its bound alone
LIMITED = ("irqs-off", "irqs-off-row", "owners-2-p99", "owners-10-p99", "owners-100-p99",
           "vslow-owners-2-p99", "vslow-owners-10-p99", "vslow-owners-100-p99")
ENGINES = ("slow_work", "workqueue", "kthread_worker")
OURS, WQ, KW = ENGINES
MODES = {"counted": "counted instructions, 1 CPU", "noisy": "ordinary emulation, 2 CPUs",
         "smp": "User Mode Linux, native speed, 2 CPUs", "native": "this machine"}

# Row: key, label, job, what, field, divided by this field, asserted by check
ROWS = [
    ("noop-p1", "no-op item, 1 producer", "noop-p1", "item", "ns", "items", True),
    ("noop-p2", "  2 producers", "noop-p2", "item", "ns", "items", True),
    ("noop-p3", "  3 producers", "noop-p3", "item", "ns", "items", False),
    ("noop-p4", "  4 producers", "noop-p4", "item", "ns", "items", False),
    ("noop-p8", "  8 producers", "noop-p8", "item", "ns", "items", True),
    ("noop-t1", "  1 thread (ours: 2)", "noop-t1", "item", "ns", "items", False),
    ("noop-t2", "  2 threads", "noop-t2", "item", "ns", "items", False),
    ("noop-t8", "  8 threads", "noop-t8", "item", "ns", "items", False),
    ("noop-t16", "  16 threads", "noop-t16", "item", "ns", "items", False),
    ("noop-t32", "  32 threads", "noop-t32", "item", "ns", "items", False),
    ("noop-t64", "  64 threads", "noop-t64", "item", "ns", "items", True),
    ("noop-t255", "  255 threads", "noop-t255", "item", "ns", "items", False),
    ("noop-n10", "  10 items in all", "noop-n10", "item", "ns", "items", False),
    ("noop-n100", "  100 items", "noop-n100", "item", "ns", "items", False),
    ("noop-n1000", "  1,000 items", "noop-n1000", "item", "ns", "items", False),
    ("noop-n10000", "  10,000 items", "noop-n10000", "item", "ns", "items", True),
    ("noop-n1000000", "  1,000,000 items", "noop-n1000000", "item", "ns", "items", False),
    ("users-1", "  of 1 user", "users-1", "item", "ns", "items", False),
    ("users-2", "  of 2 users in turn", "users-2", "item", "ns", "items", False),
    ("users-16", "  of 16 users in turn", "users-16", "item", "ns", "items", True),
    ("users-64", "  of 64 users in turn", "users-64", "item", "ns", "items", False),
    ("users-1000", "  of 1,000 users in turn", "users-1000", "item", "ns", "items", False),
    ("yield", "  producer yields after each", "yield", "item", "ns", "items", False),
    ("wake-now-p50", "wake-up, one after the other", "wake-now", "wait", "p50", None, True),
    ("wake-now-p99", "  99th percentile", "wake-now", "wait", "p99", None, False),
    ("wake-idle-p50", "wake-up after 200 us idle", "wake-idle", "wait", "p50", None, True),
    ("wake-idle-p99", "  99th percentile", "wake-idle", "wait", "p99", None, False),
    ("wake-10ms-p50", "wake-up after 10 ms idle", "wake-10ms", "wait", "p50", None, True),
    ("burst-cold", "burst, 1000 of 10 ms, cold", "burst-cold", "burst", "ns", None, True),
    ("burst-cold-half", "  32 of 64 threads at", "burst-cold", "burst", "half_at", None, False),
    ("burst-cold-most", "  64 threads at", "burst-cold", "burst", "most_at", None, False),
    ("burst-warm", "burst, 1000 of 10 ms, warm", "burst-warm", "burst", "ns", None, True),
    ("burst-blocked", "  960 of 10 ms, 2 threads blocked", "burst-blocked", "burst", "ns", None,
     True),
    ("burst-blocked-most", "  62 threads at", "burst-blocked", "burst", "most_at", None, False),
    ("burst-moving", "  1000 of 1 ms, cold", "burst-moving", "burst", "ns", None, False),
    ("burst-moving-most", "  64 threads at", "burst-moving", "burst", "most_at", None, False),
    ("threads", "cold pool until 64 block, a thread", "threads", "threads", "ns", "n", False),
    ("spike-stuck", "20 of 50 ms on 2 threads", "spike-stuck", "burst", "ns", None, True),
    ("spike-stuck-most", "  so many executed at once", "spike-stuck", "burst", "most", None,
     False),
    ("spike-cpu", "200 of 20 us CPU on 2 threads", "spike-cpu", "burst", "ns", None, False),
    ("spike-cpu-threads", "  threads afterwards", "spike-cpu", "burst", "kslowd", None, True),
    ("spike-sleep", "50 of 100 us on 2 threads", "spike-sleep", "burst", "ns", None, False),
    ("spike-sleep-threads", "  threads afterwards", "spike-sleep", "burst", "kslowd", None, True),
    ("quick-p50", "quick item behind 200 very slow", "quick", "wait", "p50", None, True),
    ("quick-p99", "  99th percentile", "quick", "wait", "p99", None, False),
    ("owners-2-p50", "item beside another's flood", "owners-2", "wait", "p50", None, False),
    ("owners-2-p99", "  99th percentile", "owners-2", "wait", "p99", None, False),
    ("owners-10-p50", "item beside 9 others's flood", "owners-10", "wait", "p50", None, False),
    ("owners-10-p99", "  99th percentile", "owners-10", "wait", "p99", None, False),
    ("owners-100-p50", "item beside 99 others's flood", "owners-100", "wait", "p50", None, False),
    ("owners-100-p99", "  99th percentile", "owners-100", "wait", "p99", None, False),
    ("vslow-owners-2-p50", "very slow item beside another's flood", "vslow-owners-2", "wait", "p50", None, False),
    ("vslow-owners-2-p99", "  99th percentile", "vslow-owners-2", "wait", "p99", None, False),
    ("vslow-owners-10-p50", "very slow item beside 9 others's flood", "vslow-owners-10", "wait", "p50", None, False),
    ("vslow-owners-10-p99", "  99th percentile", "vslow-owners-10", "wait", "p99", None, False),
    ("vslow-owners-100-p50", "very slow item beside 99 others's flood", "vslow-owners-100", "wait", "p50", None, False),
    ("vslow-owners-100-p99", "  99th percentile", "vslow-owners-100", "wait", "p99", None, False),
    ("mix", "filesystem mix, in all", "mix", "mix", "ns", None, False),
    ("mix-slow-p50", "  slow ones wait", "mix", "slow-wait", "p50", None, False),
    ("mix-slow-p99", "  99th percentile", "mix", "slow-wait", "p99", None, False),
    ("mix-vslow-p50", "  very slow ones wait", "mix", "vslow-wait", "p50", None, False),
    ("mix-vslow-p99", "  99th percentile", "mix", "vslow-wait", "p99", None, False),
    ("pending", "enqueue of a pending item", "pending", "enqueue", "ns", "n", True),
    ("cancel-1", "cancel of the queued item", "cancel-1", "cancel", "ns", "n", True),
    ("cancel-1000", "  among 1,000", "cancel-1000", "cancel", "ns", "n", True),
    ("cancel-100000", "  among 100,000", "cancel-100000", "cancel", "ns", "n", True),
    ("cancel-1000000", "  among 1,000,000", "cancel-1000000", "cancel", "ns", "n", False),
    ("runqueue-1000", "runqueue, a line of 1,000", "runqueue-1000", "list", "ns", "n", True),
    ("runqueue-100000", "  of 100,000", "runqueue-100000", "list", "ns", "n", True),
    ("runqueue-alone", "enqueue behind 100,000 items", "runqueue-100000", "alone", "ns", "n", True),
    ("runqueue-beside", "  while runqueue is read", "runqueue-100000", "beside", "ns", "n", False),
    ("arm", "enqueue of a delayed item", "delayed", "arm", "ns", "n", True),
    ("disarm", "  and its cancel", "delayed", "disarm", "ns", "n", True),
    ("register", "register and unregister", "register", "register", "ns", "n", False),
    ("pool", "have a pool, have none", "pool", "pool", "ns", "n", False),
    ("idle-switches", "idle 10 s: context switches", "idle", "idle", "switches", None, True),
    ("idle-cpu", "  CPU time", "idle", "idle", "cpu", None, True),
    ("idle-ticks", "  timer softirqs of the machine", "idle", "idle", "ticks", None, False),
    ("size-item", "bytes of an item", "size", "size", "item", None, True),
    ("size-delayed", "  of a delayed item", "size", "size", "delayed", None, True),
    ("size-thread", "  of a thread, but task and stack", "size", "size", "thread", None, True),
    ("irqs-off", "interrupts off, longest section", "storm", "irqs-off", "ns", None, True),
    ("irqs-off-row", "  of timers, one after the other", "storm", "row", "ns", None, True),
]
PLAIN = ("size", "spike-stuck-most", "-threads", "idle-switches", "idle-ticks")

# What is wanted, by mode and row: (of what, at most); of an engine, or of a row of ours
BOUNDS = {
    "counted": {
        "noop-p1": [(WQ, 0.42), (KW, 1.00)], "noop-p2": [(WQ, 0.42)],
        "wake-now-p50": [(WQ, 0.80)], "wake-now-p99": [(WQ, 0.85)],
        "wake-idle-p50": [(WQ, 0.95)], "burst-cold": [(WQ, 1.02)], "burst-warm": [(WQ, 1.00)],
        "burst-cold-most": [(None, 30e6)], "burst-blocked-most": [(None, 30e6)],
        "burst-moving-most": [(None, 30e6)], "quick-p50": [(None, 8000)],
        "spike-cpu-threads": [(None, 2)], "spike-sleep-threads": [(None, 2)],
        "idle-switches": [(None, 0)], "idle-cpu": [(None, 0)],
        "runqueue-100000": [("runqueue-1000", 1.10)],
        "runqueue-beside": [("runqueue-alone", 2.00)],
        "irqs-off": [(None, 20e3)], "irqs-off-row": [(None, 20e3)],
        # The rest of a run of 5 ms, and one of each other owner, on 4 threads or 2
        "owners-2-p99": [(None, 7e6)], "owners-10-p99": [(None, 17e6)],
        "owners-100-p99": [(None, 130e6)], "vslow-owners-2-p99": [(None, 8e6)],
        "vslow-owners-10-p99": [(None, 29e6)], "vslow-owners-100-p99": [(None, 255e6)],
    },
    "noisy": {
        "noop-p1": [(WQ, 0.55)], "noop-p2": [(WQ, 0.55)],
        "wake-now-p50": [(WQ, 1.05)], "wake-idle-p50": [(WQ, 1.05)],
        "burst-cold": [(WQ, 1.04)], "burst-warm": [(WQ, 1.04)],
        "runqueue-beside": [("runqueue-alone", 2.00)],
    },
}
EPSILON = 0.0005	# counted instructions are exact to a thousandth


def parse(path):
    """The lines of a file as dicts; numbers as numbers"""
    lines = []
    with open(path) as f:
        for line in f:
            if line.startswith("# bench: "):
                pairs = re.findall(r"(\S+)=(\S+)", line)
                lines.append({k: int(v) if v.isdigit() else v for k, v in pairs})
    return lines


def release(path):
    """Which kernel it was, to the last digit"""
    with open(path) as f:
        return re.search(r"^# bench-kernel: (.*)$", f.read(), re.M).group(1)


def figures(lines):
    """{row: {engine: [a figure for each round]}}"""
    found = {}
    for key, _, job, what, field, per, _ in ROWS:
        for line in lines:
            if field == "kslowd" and line["engine"] != OURS:
                continue	# not theirs
            if line["job"] == job and line["what"] == what and field in line:
                value = line[field] / (line[per] if per else 1)
                found.setdefault(key, {}).setdefault(line["engine"], []).append(value)
    return found


def is_plain(key):
    return key.startswith(PLAIN) or key.endswith(PLAIN)


def show(key, value):
    if is_plain(key):
        return f"{value:.0f}"
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if value >= 10 * size or (unit != "us" and value >= size):
            return f"{value / size:.4g} {unit}"
    return f"{value:.4g} ns"


def spread(values):
    """Half the distance between the quartiles, of the median"""
    middle = statistics.median(values)
    if len(values) < 3 or not middle:
        return 0
    low, _, high = statistics.quantiles(values, n=4)
    return (high - low) / 2 / middle


def ratios(ours, others):
    return [a / b for a, b in zip(ours, others) if b]


def judge(mode, key, rows):
    """(what is wanted, is it met) or ("", None)"""
    found, wanted, met = rows[key], [], True
    for engine, most in BOUNDS.get(mode, {}).get(key, []):
        ours = found[OURS]
        if engine is None:
            value = statistics.median(ours)
            wanted.append(f"<= {show(key, most)}")
        elif engine in rows:
            value = statistics.median(ratios(ours, rows[engine][OURS]))
            wanted.append(f"<= {most:.2f} of {engine} ({value:.3g})")
        elif engine in found:
            value = statistics.median(ratios(ours, found[engine]))
            wanted.append(f"<= {most:.2f} {'wq' if engine == WQ else 'kw'}")
        else:
            continue
        met = met and value <= most + EPSILON * (most if engine is None else 1)
    return ", ".join(wanted), met if wanted else None


def table(mode, kernel, found):
    noisy = mode != "counted"
    print(f"\n{MODES[mode]}, {kernel}\n")
    print(f"{'':34}{'slow-work':>12}{'workqueue':>12}{'kthr_worker':>12}  {'/wq':<14}"
          f"{'/kw':<14}wanted")
    unmet = 0
    for key, label, *_ in ROWS:
        row = found.get(key)
        if not row or OURS not in row:
            continue
        cells = ["".rjust(12) if e not in row else show(key, statistics.median(row[e])).rjust(12)
                 for e in ENGINES]
        for engine in (WQ, KW):
            ratio = ratios(row[OURS], row.get(engine, []))
            text = ""
            if ratio and not (is_plain(key) and "size" not in key):
                text = f"{statistics.median(ratio):.3g}"
                if noisy:
                    text += f" +-{spread(ratio) * 100:.0f}%"
            cells.append(text.ljust(14))
        wanted, met = judge(mode, key, found)
        if wanted:
            wanted += ": met" if met else ": NOT MET"
            unmet += not met
        print(f"{label:34}{''.join(cells[:3])}  {''.join(cells[3:])}{wanted}".rstrip())
    return unmet


def make_table(where):
    runs, everything = {}, {}
    for mode in MODES:
        for name in sorted(os.listdir(where)):
            if not (name.startswith(f"{mode}-") and name.endswith(".txt")):
                continue
            kernel = name[len(mode) + 1:-len(".txt")]
            raw = parse(f"{where}/{name}")
            runs[mode, kernel] = figures(raw)
            everything[f"{mode}-{kernel}"] = {"release": release(f"{where}/{name}"),
                                              "raw": raw, "figures": figures(raw)}
    unmet = sum(table(mode, kernel, found) for (mode, kernel), found in runs.items())
    with open(f"{where}/bench.json", "w") as f:
        json.dump(everything, f, indent=1)
    print(f"\n{unmet} of what is wanted not met.  Raw figures, picture: {where}/bench.json, .svg")


# --- the recorded figures

def asserted(path):
    """(kernel, {row: figure of ours})"""
    found = figures(parse(path))
    kernel = re.sub(r"^.*counted-|\.txt$", "", path)
    return kernel, {row[0]: round(statistics.median(found[row[0]][OURS]), 2)
                    for row in ROWS if row[6] and OURS in found.get(row[0], {})}


def recorded():
    if not os.path.exists(RECORDED):
        return {}
    with open(RECORDED) as f:
        return json.load(f)


def is_section(key):
    return key.startswith("irqs-off")


def check(path, of=lambda key: not is_section(key)):
    kernel, now = asserted(path)
    then = recorded().get(kernel)
    print("KTAP version 1")
    if then is None:
        print(f"1..1\nnot ok 1 - figures for {kernel} are recorded")
        return 1
    then["figures"] = {key: was for key, was in then["figures"].items() if of(key)}
    tolerance = TOLERANCE
    if then["release"] != release(path):
        tolerance = TOLERANCE_ELSEWHERE
        print(f"# recorded on {then['release']}, measured on {release(path)}")
    failed = 0
    # Of what is wanted, what rows of ours are enough for
    lines = parse(path)
    found = figures(lines)
    wanted = [(key, row, most) for key, bounds in BOUNDS["counted"].items()
              for row, most in bounds
              if row in found or row is None and key in LIMITED and key in found]
    print(f"1..{len(then['figures']) + len(wanted)}")
    for n, (key, was) in enumerate(then["figures"].items(), 1):
        cost = now.get(key)
        good = cost is not None and (key in LIMITED or cost <= was * (1 + tolerance))
        failed += not good
        is_now = "missing" if cost is None else show(key, cost)
        print(f"{'ok' if good else 'not ok'} {n} - {key}: {is_now}, recorded {show(key, was)}")
        if cost is not None and key not in LIMITED and cost < was * (1 - TOLERANCE):
            print("# cheaper than recorded: tests/bench.sh record")
    for n, (key, row, most) in enumerate(wanted, len(then["figures"]) + 1):
        if row is None:
            value, text = found[key][OURS][0], f"at most {show(key, most)}"
            is_now = show(key, value)
        else:
            value = statistics.median(ratios(found[key][OURS], found[row][OURS]))
            is_now, text = f"{value:.2f} of {row}", f"at most {most:.2f}"
        failed += value > most
        print(f"{'ok' if value <= most else 'not ok'} {n} - {key}: {is_now}, wanted {text}")
    for line in places(lines):
        print(f"# {line}")
    return failed > 0


def places(lines):
    """Where interrupts are off for longest, and how often they are off from there"""
    found = []
    for line in lines:
        if line["what"] == "site":
            upto = "" if line["from"] == line["to"] else f" to {line['to']}"
            found.append((line["ns"], f"{show('', line['ns']):>9}  {line['at']}, {line['from']}"
                                      f"{upto} ({line['n']} times)"))
        elif line["what"] == "row" and line["n"]:
            found.append((line["ns"], f"{show('', line['ns']):>9}  {line['at']}, {line['from']}"
                                      f" ({line['n']} times in a row)"))
    return [text for _, text in sorted(found, reverse=True)]


def sections(path):
    return check(path, is_section)


def record(path):
    kernel, now = asserted(path)
    table_of_all = recorded()
    table_of_all[kernel] = {"release": release(path), "figures": now}
    with open(RECORDED, "w") as f:
        json.dump(table_of_all, f, indent=1, sort_keys=False)
        f.write("\n")
    return 0


def main():
    commands = {"table": make_table, "check": check, "record": record, "sections": sections}
    if len(sys.argv) != 3 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    return commands[sys.argv[1]](sys.argv[2])


if __name__ == "__main__":
    sys.exit(main())
