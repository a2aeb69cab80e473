#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""in-tree.py [--series DIR] KERNEL_TREE: puts slow-work into a kernel source tree

Files are copied as they are.  Kconfig, Makefiles, indexes of the documentation and
MAINTAINERS of the tree get the lines that hook them up.

  include/linux/slow-work.h    the header
  kernel/slow-work/            the rest, since its like (workqueues, padata) is
                               in kernel/; with tests/ the KUnit suites
  Documentation/core-api/      what callers read
  Documentation/admin-guide/   what administrators read
  samples/slow-work/           the callers to copy from
  tools/slow-work/             what administrators look at it with

With --series nothing is written into the tree; DIR gets the same as patches to send.
They bear the name that git would give to a commit of yours.
"""

import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# A patch each: what it says; what is copied from where to where; the lines that go
# into files of the tree, each after the last line that matches (before the first: ^);
# what MAINTAINERS gets
PARTS = [
    ("""slow-work: one pool of threads for work that blocks

Workqueues are made for work that is done soon: their threads follow the
processors, and how many of them may block is a limit of each queue,
chosen by its author.  That does not suit work that blocks by nature,
such as a look-up on a network filesystem, a mkdir on a slow disk or the
recovery of a lease.  Its author needs to know that a hundred such items
do not take a hundred threads, that items of a minute do not hold up
those of a millisecond, that the object which an item is embedded in is
still there when its turn comes, and that his module can be unloaded.

Linux 2.6.30 to 2.6.35 had a facility of this name.  This one keeps its
interface, so that a caller of that time compiles unchanged; the code is
new.
""", {
        "include/linux/": ["include/linux/slow-work.h"],
        "kernel/slow-work/": ["*.[ch]", "Kbuild", "Kconfig"],
    }, [
        ("kernel/Makefile", r"obj-\$\(CONFIG_PADATA\)",
         "obj-$(CONFIG_SLOW_WORK) += slow-work/\n"),
        ("init/Kconfig", r'source "kernel/rcu/Kconfig"',
         '\nsource "kernel/slow-work/Kconfig"\n'),
    ], ["include/linux/slow-work.h", "kernel/slow-work/*"]),

    ("""slow-work: KUnit tests

A suite for each promise that slow-work makes to its callers, and some
for what it does with callers that break theirs.  The latter provoke
warnings, between two lines that say so.

  ./tools/testing/kunit/kunit.py run \\
      --kunitconfig=kernel/slow-work/tests/kunit
""", {
        "kernel/slow-work/tests/": ["tests/item.[ch]", "tests/compat.h"],
        "kernel/slow-work/tests/kunit/": ["tests/kunit/*.[ch]", "tests/kunit/K*", "tests/kunit/.kunitconfig"],
    }, [
        ("init/Kconfig", r'source "kernel/slow-work/Kconfig"',
         'source "kernel/slow-work/tests/kunit/Kconfig"\n'),
    ], ["kernel/slow-work/tests/"]),

    ("""Documentation: slow-work

When to use it and when a workqueue, how it works, what it promises to
its callers and what they have to keep to; its settings and views.
""", {
        "Documentation/core-api/slow-work.rst": ["Documentation/callers.rst"],
        "Documentation/core-api/slow-work-from-workqueue.rst":
            ["Documentation/from-workqueue.rst"],
        "Documentation/core-api/": ["Documentation/slow-work-life.svg"],
        "Documentation/admin-guide/slow-work.rst": ["Documentation/administration.rst"],
    }, [
        ("Documentation/core-api/index.rst", r"   workqueue$",
         "   slow-work\n   slow-work-from-workqueue\n"),
        ("Documentation/admin-guide/index.rst", r"   serial-console$", "   slow-work\n"),
    ], ["Documentation/*/slow-work*"]),

    ("""samples: callers of slow-work

The least that a caller needs; one that logs checksums of files, with a
reference count, a very slow item, a delayed poll and an unload at any
time; and one before and after its move from a workqueue.
""", {
        "samples/slow-work/": ["samples/*.c", "samples/Kbuild", "samples/Kconfig"],
    }, [
        ("samples/Makefile", r"subdir-\$\(CONFIG_SAMPLE_SECCOMP\)",
         "obj-$(CONFIG_SLOW_WORK_SAMPLES)\t+= slow-work/\n"),
        ("samples/Kconfig", r'^source "samples/rust/Kconfig"',
         'source "samples/slow-work/Kconfig"\n\n'),
    ], ["samples/slow-work/"]),

    ("""tools: a look at slow-work

For the administrator who wants to see what the pool does, and not to read
its files in debugfs by hand.
""", {
        "tools/slow-work/": ["tools/*.py"],
        "tools/slow-work/slow-work-top.py": ["tools/slow-work-top"],
    }, [], ["tools/slow-work/"]),
]


def die(text):
    sys.exit(f"in-tree.py: {text}")


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as f:
        return f.read()


def copy(top, files):
    """What in @files ends in a slash is a directory"""
    for to, patterns in files.items():
        to = os.path.join(top, to)
        os.makedirs(os.path.dirname(to), exist_ok=True)
        for path in (p for pattern in patterns for p in glob.glob(f"{TOP}/{pattern}")):
            # .mod.c is of a build
            if not path.endswith(".mod.c"):
                shutil.copy(path, to)


class Hooks:
    """The tree's own files with our lines."""

    def __init__(self, tree, who):
        self.tree = tree
        self.who = who
        self.paths = []         # of ours, for MAINTAINERS
        self.files = {}         # path: text
        self.before = read(tree, "MAINTAINERS")

    def put(self, path, where, line):
        text = self.files.get(path) or read(self.tree, path)
        lines = text.splitlines(keepends=True)
        found = [i for i, l in enumerate(lines) if re.match(where.lstrip("^"), l)]
        if not found:
            die(f"no place for us in {path} of this tree")
        lines.insert(found[0] if where[0] == "^" else found[-1] + 1, line)
        self.files[path] = "".join(lines)

    def maintainers(self, paths):
        """Our entry, with those paths too"""
        self.paths += paths
        name = "SLOW-WORK THREAD POOL"
        files = "".join(f"F:\t{p}\n" for p in sorted(self.paths))
        head, rest = self.before.split("\n\n3C59X", 1)
        rest = "3C59X" + rest
        at = next(m.start() for m in re.finditer(r"(?<=\n\n)[A-Z0-9].*(?=\n[A-Z]:\t)", rest)
                  if m[0] > name)
        entry = f"{name}\nM:\t{self.who}\nL:\tlinux-kernel@vger.kernel.org\n" \
            f"S:\tMaintained\n{files}\n"
        self.files["MAINTAINERS"] = f"{head}\n\n{rest[:at]}{entry}{rest[at:]}"


def write(top, files):
    """Each a new file in the old one's place: the tree may be made of hard links"""
    for path, text in files.items():
        path = os.path.join(top, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".slow-work", "w", encoding="utf-8") as f:
            f.write(text)
        os.rename(path + ".slow-work", path)


def steps(hooks, top):
    """Does a part in the tree @top, and returns what it says; then the next"""
    for message, files, lines, paths in PARTS:
        for line in lines:
            hooks.put(*line)
        hooks.maintainers(paths)
        copy(top, files)
        write(top, hooks.files)
        yield message


def series(hooks, out):
    def git(*words, text=None):
        subprocess.run(["git", "-C", repo, *words], check=True, text=True, input=text)

    def commit(text):
        git("add", "-A")
        git("commit", "-q", "-s", "-F", "-", text=text)

    name, mail = re.fullmatch(r"(.*) <(.*)>", hooks.who).groups()
    paths = ["MAINTAINERS", *(line[0] for part in PARTS for line in part[2])]
    with tempfile.TemporaryDirectory() as repo:
        git("init", "-q")
        git("config", "user.name", name)
        git("config", "user.email", mail)
        write(repo, {path: read(hooks.tree, path) for path in paths})
        commit("base")
        for message in steps(hooks, repo):
            commit(message)
        git("format-patch", "-q", f"-{len(PARTS)}", "-o", out)


def identity():
    out = subprocess.run(["git", "-C", TOP, "var", "GIT_AUTHOR_IDENT"], text=True,
                         capture_output=True, check=False)
    if out.returncode:
        die("git does not know you: git config user.name and user.email")
    return re.match(r".*<.*?>", out.stdout)[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", metavar="DIR", help="write patches into DIR instead")
    parser.add_argument("tree", metavar="KERNEL_TREE")
    args = parser.parse_args()
    for path in ("MAINTAINERS", "kernel/Makefile", "init/Kconfig"):
        if not os.path.exists(f"{args.tree}/{path}"):
            die(f"{args.tree} is no kernel source tree: it has no {path}")
    if os.path.exists(f"{args.tree}/kernel/slow-work"):
        die(f"{args.tree} has a slow-work already: remove it, or git checkout and git clean")
    hooks = Hooks(args.tree, identity())
    if args.series:
        os.makedirs(args.series, exist_ok=True)
        series(hooks, os.path.abspath(args.series))
    else:
        for _ in steps(hooks, args.tree):
            pass


if __name__ == "__main__":
    main()
