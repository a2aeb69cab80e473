#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""ratios.py KTAP FIELD...: medians of what a compare.sh notes in lines of the form
"run WHAT QUEUE VALUE...", a row for each kind of run: of the workqueue as they are, of
slow-work beside them, and the ratio of the first field, which is a time."""

import re
import statistics
import sys


def main():
    runs = {}
    with open(sys.argv[1], encoding="ascii", errors="replace") as f:
        for line in f:
            if found := re.match(r"# run (\S+) (\S+) (.*)", line):
                what, queue, values = found.groups()
                runs.setdefault(what, {}).setdefault(queue, []).append(
                    [float(v) for v in values.split()])
    print(f"{'run':20}{'queue':14}" + "".join(f"{f:>11}" for f in sys.argv[2:]) + f"{'time':>8}")
    for what, queues in runs.items():
        first = None
        for queue, rows in queues.items():
            medians = [statistics.median(column) for column in zip(*rows)]
            # Round by round, as the machine is another one in each
            first = first or rows
            ratio = statistics.median(row[0] / base[0] for row, base in zip(rows, first))
            print(f"{what:20}{queue:14}" + "".join(f"{m:11.6g}" for m in medians) +
                  f"{ratio:8.2f}")


main()
