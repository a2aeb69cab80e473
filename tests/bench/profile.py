#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the instructions of an item go: profile.py [-k KERNEL] [-j JOB] [-c CPUS]

Counts every instruction of the guest's kernel with count.c, a plugin of QEMU's,
in a run of JOB (one of 100,000 no-op items) and in one that only sets it up.
Their difference is what the items took.  That is told by function, each engine
in a column; with -l, instruction by instruction for our own module.
"""

import argparse
import base64
import bisect
import gzip
import os
import re
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ENGINES = ("slow_work", "workqueue", "kthread_worker")


def run(*cmd):
    return subprocess.run(cmd, check=True, stdout=subprocess.PIPE, text=True).stdout


def count(args, modules, work, engine, job):
    """One VM: (symbols, counts by address, items of a round)"""
    out = f"{work}/counts"
    machine = ["--cpus", str(args.cpus)] if args.cpus > 1 else ["--icount"]
    text = run(f"{TOP}/tests/vm.sh", args.kernel, *machine, "--modules", modules,
               "--append", f"slub_debug=- nokaslr symbols=1 rounds=1 "
               f"jobs={job} engines={engine}",
               "--qemu", f"-plugin {work}/count.so,out={out}", f"{TOP}/tests/bench/guest.sh")
    packed = "".join(re.findall(r"^# symbols: (.+)$", text, re.M))
    symbols = {}
    for line in gzip.decompress(base64.b64decode(packed)).decode().splitlines():
        address, name = line.split()
        symbols.setdefault(int(address, 16), name)
    with open(out) as f:
        counts = {int(a, 16): int(n) for a, n in (line.split() for line in f)}
    return symbols, counts, int(re.search(r" items=(\d+)", text).group(1))


def by_place(symbols, counts):
    """{(function, offset): times}: the addresses of modules differ from run to run"""
    starts = sorted(symbols)
    places = {}
    for address, n in counts.items():
        start = starts[bisect.bisect_right(starts, address) - 1]
        places[symbols[start], address - start] = n
    return places


def profile(args, modules, work, engine):
    """({function: instructions an item}, {(function, offset): times an item})"""
    symbols, counts, items = count(args, modules, work, engine, args.job)
    symbols_before, set_up, _ = count(args, modules, work, engine, "setup")
    before = by_place(symbols_before, set_up)
    functions, places = {}, {}
    for place, n in by_place(symbols, counts).items():
        n = (n - before.get(place, 0)) / items
        if n < 0.0005:
            continue
        functions[place[0]] = functions.get(place[0], 0) + n
        places[place] = n
    return functions, places


def listing(modules, places):
    """Our module's code, each instruction with how often it ran for an item"""
    name = start = None
    for line in run("objdump", "-dr", "--no-show-raw-insn", f"{modules}/slow_work.ko").splitlines():
        head = re.match(r"([0-9a-f]+) <(.*)>:$", line)
        insn = re.match(r" +([0-9a-f]+):\t", line)
        if head:
            start, name = int(head.group(1), 16), head.group(2)
            wanted = any(f == name for f, _ in places)
            if wanted:
                print(f"\n{name}:")
        elif insn and name and wanted:
            n = places.get((name, int(insn.group(1), 16) - start), 0)
            print(f"{n:8.3f} {line}" if n else f"{'':8} {line}")
        elif name and wanted and line.strip():
            print(f"{'':8} {line}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("-k", "--kernel", default="6.1")
    parser.add_argument("-j", "--job", default="noop-p1")
    parser.add_argument("-c", "--cpus", type=int, default=1,
                        help="on more than one a run is not like the next")
    parser.add_argument("-e", "--engines", default=",".join(ENGINES))
    parser.add_argument("-l", "--listing", action="store_true")
    args = parser.parse_args()
    modules = run(f"{TOP}/tests/build.sh", args.kernel, "CONFIG_SLOW_WORK_BENCH=m").strip()
    engines = args.engines.split(",")
    with tempfile.TemporaryDirectory() as work:
        run("gcc", "-O2", "-shared", "-fPIC", "-o", f"{work}/count.so",
            f"{TOP}/tests/bench/count.c")
        result = {e: profile(args, modules, work, e) for e in engines}
    names = sorted({n for f, _ in result.values() for n in f},
                   key=lambda n: -max(f.get(n, 0) for f, _ in result.values()))
    print(f"{args.job} on {args.kernel}: instructions an item (2 ns each)\n")
    print(f"{'function':34}" + "".join(f"{e:>16}" for e in engines))
    for name in names:
        row = [result[e][0].get(name, 0) for e in engines]
        if max(row) >= 0.1:
            print(f"{name:34}" + "".join(f"{n:16.2f}" if n else f"{'-':>16}" for n in row))
    print(f"{'sum':34}" + "".join(f"{sum(result[e][0].values()):16.2f}" for e in engines))
    if args.listing and "slow_work" in result:
        listing(modules, result["slow_work"][1])


if __name__ == "__main__":
    sys.exit(main())
