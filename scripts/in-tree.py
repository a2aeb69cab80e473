#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""in-tree.py [--series DIR] KERNEL_TREE: puts slow-work into a kernel source tree

What is written there is what a tree would have: Kconfig and Makefiles hooked up, and
no compat.h, as the names that the tree has not got yet are written as it has them.

  include/linux/slow-work.h    the header
  kernel/slow-work/            the rest, since its like (workqueues, padata) is
                               in kernel/; with tests/ the KUnit suites
  samples/slow-work/           the callers to copy from
  tools/slow-work/             what administrators look at it with
  Documentation/core-api/      what callers read
  Documentation/admin-guide/   what administrators read

With --series nothing is written into the tree; DIR gets the same as patches to send.
They bear the name that git would give to a commit of yours.
"""

import argparse
import glob
import os
import re
import subprocess
import sys
import tempfile
import textwrap

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

PAGES = {
    "callers.rst": "Documentation/core-api/slow-work.rst",
    "from-workqueue.rst": "Documentation/core-api/slow-work-from-workqueue.rst",
    "administration.rst": "Documentation/admin-guide/slow-work.rst",
    "life.svg": "Documentation/core-api/slow-work-life.svg",
}

# What is said here, and what in a tree
WORDS = [
    *[(rf"\bDocumentation/{re.escape(page)}", path) for page, path in PAGES.items()],
    (r"\bDocumentation/slow-work\.rst", PAGES["callers.rst"]),
    (r", Documentation/performance\.rst\s+about the cost", ""),
    (r"\.\. image:: life\.svg", ".. kernel-figure:: slow-work-life.svg"),
    (r"(kernel-doc:: )(slow-work)", r"\1kernel/slow-work/\2"),
    (r"(literalinclude:: )\.\./samples/", r"\1../../samples/slow-work/"),
    (r"\bsamples/(?=(``)? ?has|\w+\.ko|lease-)", "samples/slow-work/"),
    (r"``make (CONFIG_\w+=m)``", r"``\1``"),
    (r"^\* The module must not depend on another one from outside the kernel tree\.\n", ""),
    # Sections on what is built outside of a tree, up to the next heading
    (r"^(At Boot|Build)\n-+\n(.*\n)*?(?=.+\n(-+|=+)\n)", ""),
    (r'^#include "\.\./\.\./(slow-work)', r'#include "../\1'),
    (r"^(    # )(slow-work-\w+)(\.py)?(?= )", r"\1tools/slow-work/\2.py"),
    (r"\btools/(slow-work-\w+)(\.py)?(?![\w/.])", r"tools/slow-work/\1.py"),
    (r"^\.\. only:: not man\n\n((?:   .*\n|\n)*)", lambda m: textwrap.dedent(m[1])),
]

SERIES = [
    """slow-work: one pool of threads for work that blocks

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
""",
    """slow-work: KUnit tests

A suite for each promise that slow-work makes to its callers, and some
for what it does with callers that break theirs.  The latter provoke
warnings, between two lines that say so.

  ./tools/testing/kunit/kunit.py run --kunitconfig=kernel/slow-work
""",
    """Documentation: slow-work

When to use it and when a workqueue, how it works, what it promises to
its callers and what they have to keep to; its settings and views.
""",
    """samples: callers of slow-work

The least that a caller needs; one that logs checksums of files, with a
reference count, a very slow item, a delayed poll and an unload at any
time; and one before and after its move from a workqueue.
""",
    """tools: a look at slow-work

For the administrator who wants to see what the pool does, and not to read
its files in debugfs by hand.
""",
]


def die(text):
    sys.exit(f"in-tree.py: {text}")


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as f:
        return f.read()


class Compat:
    """What compat.h comes to in a tree: a list of names to write otherwise."""

    def __init__(self, tree):
        text = re.sub(r"^\s*#\s*include.*", "", read(TOP, "compat.h"), flags=re.M)
        version = {}
        for line in read(tree, "Makefile").splitlines()[:10]:
            if m := re.match(r"(VERSION|PATCHLEVEL|SUBLEVEL) = (\d+)", line):
                version[m[1]] = int(m[2])
        code = (version["VERSION"] << 16) + (version["PATCHLEVEL"] << 8) + \
            min(version["SUBLEVEL"], 255)
        asked = set(re.findall(r"#\s*ifn?def\s+(\w+)", text))
        have = [n for n in asked if self.defined(tree, n)]
        out = subprocess.run(
            ["gcc", "-E", "-dM", "-undef", "-xc", f"-DLINUX_VERSION_CODE={code}",
             "-DKERNEL_VERSION(a,b,c)=(((a)<<16)+((b)<<8)+(c))",
             *(f"-D{n}" for n in have), "-"],
            input=text, text=True, capture_output=True, check=False)
        if out.returncode:
            die(f"compat.h does not take this tree:\n{out.stderr}")
        ours = set(re.findall(r"#\s*define\s+(\w+)", text))
        self.names = []
        self.others = []        # what the tree cannot be given by another name
        for line in out.stdout.splitlines():
            m = re.match(r"#define (\w+)(\([^)]*\))? ?(.*)", line)
            if m and m[1] in ours and m[1] not in have and not m[1].endswith("_H"):
                self.add(*m.groups())

    @staticmethod
    def defined(tree, name):
        """As a macro: what is none, #ifdef does not see either."""
        return subprocess.run(
            ["grep", "-rqE", rf"^#\s*define {name}\b", f"{tree}/include/linux"],
            check=False).returncode == 0

    def add(self, name, args, body):
        if not args:
            self.names.append((name, body))
        elif m := re.fullmatch(r"(\w+)" + re.escape(args.replace(",", ", ")), body):
            self.names.append((name, m[1]))
        else:
            self.others.append(name)

    def apply(self, text):
        text = re.sub(r'^#include "(\.\./)*compat\.h"\n', "", text, flags=re.M)
        for name in self.others:
            if re.search(rf"\b{name}\b", text):
                die(f"compat.h: {name} is not another name for something of this tree")
        for name, body in self.names:
            if not body:
                text = re.sub(rf"^\s*{name}\n", "", text, flags=re.M)
            text = re.sub(rf"\b{name}\b", body, text)
        return text


class Tree:
    """The files of ours as the tree has them, and the lines in its own."""

    def __init__(self, tree):
        self.tree = tree
        self.compat = Compat(tree)
        self.files = {}         # path: text
        self.old = {}           # path: the tree's own

    def put(self, path, text):
        for ours, theirs in WORDS:
            text = re.sub(ours, theirs, text, flags=re.M)
        if path.endswith((".c", ".h")):
            text = self.compat.apply(text)
        self.files[path] = text

    def hook(self, path, where, line):
        """Puts a line after the last (before the first: ^) that matches."""
        if path not in self.files:
            self.old[path] = self.files[path] = read(self.tree, path)
        lines = self.files[path].splitlines(keepends=True)
        found = [i for i, l in enumerate(lines) if re.match(where.lstrip("^"), l)]
        if not found:
            die(f"no place for us in {path} of this tree")
        lines.insert(found[0] if where[0] == "^" else found[-1] + 1, line)
        self.files[path] = "".join(lines)

    def kconfig(self, path, *symbols):
        """Those of our Kconfig's entries, in its order"""
        head, *entries = re.split(r"\n(?=config )", read(TOP, "Kconfig"))
        known = {re.match(r"config (\w+)", e)[1]: e for e in entries}
        self.put(path, "\n".join([head] + [known[s] for s in symbols]).rstrip() + "\n")

    def makefile(self, path, source, *symbols):
        """Without what is for a build out of the tree, or of parts that stay there"""
        text = re.sub(r"^ifneq \(\$\(KBUILD_EXTMOD\),\)\n.*?^endif\n\n?", "",
                      read(TOP, source), flags=re.M | re.S)
        text = re.sub(r"^#\n# Built by kbuild.*?\n(?!#)", "\n", text, flags=re.M | re.S)
        text = re.sub(r"^(obj-\$\(CONFIG_(\w+)\) .*\n)",
                      lambda m: m[1].replace("tests/kunit/", "tests/")
                      if m[2] in symbols else "", text, flags=re.M)
        self.put(path, re.sub(r"\n\n\n+", "\n\n", text).rstrip() + "\n")

    def maintainers(self, who, *paths):
        """Our entry, with those paths"""
        name = "SLOW-WORK THREAD POOL"
        files = "".join(f"F:\t{p}\n" for p in sorted(paths))
        text = self.old.setdefault("MAINTAINERS", read(self.tree, "MAINTAINERS"))
        head, rest = text.split("\n\n3C59X", 1)
        rest = "3C59X" + rest
        later = [m for m in re.finditer(r"(?<=\n\n)[A-Z0-9].*(?=\n[A-Z]:\t)", rest)
                 if m[0] > name]
        at = later[0].start()
        entry = f"{name}\nM:\t{who}\nL:\tlinux-kernel@vger.kernel.org\nS:\tMaintained\n{files}\n"
        self.files["MAINTAINERS"] = f"{head}\n\n{rest[:at]}{entry}{rest[at:]}"

    # --- the patches, each with what came before

    def core(self, who):
        self.put("include/linux/slow-work.h", read(TOP, "include/linux/slow-work.h"))
        for path in glob.glob(f"{TOP}/*.[ch]"):
            if os.path.basename(path) != "compat.h":
                self.put(f"kernel/slow-work/{os.path.basename(path)}", read(path))
        self.kconfig("kernel/slow-work/Kconfig", "SLOW_WORK", "SLOW_WORK_DEBUG")
        self.makefile("kernel/slow-work/Makefile", "Kbuild", "SLOW_WORK")
        self.hook("kernel/Makefile", r"obj-\$\(CONFIG_PADATA\)",
                  "obj-$(CONFIG_SLOW_WORK) += slow-work/\n")
        self.hook("init/Kconfig", r'source "kernel/rcu/Kconfig"',
                  '\nsource "kernel/slow-work/Kconfig"\n')
        self.maintainers(who, "include/linux/slow-work.h", "kernel/slow-work/*")

    def kunit(self, who):
        self.kconfig("kernel/slow-work/Kconfig", "SLOW_WORK", "SLOW_WORK_DEBUG",
                     "SLOW_WORK_KUNIT_TEST")
        self.makefile("kernel/slow-work/Makefile", "Kbuild", "SLOW_WORK",
                      "SLOW_WORK_KUNIT_TEST")
        self.makefile("kernel/slow-work/tests/Makefile", "tests/kunit/Kbuild",
                      "SLOW_WORK_KUNIT_TEST")
        for path in glob.glob(f"{TOP}/tests/kunit/*.[ch]"):
            self.put(f"kernel/slow-work/tests/{os.path.basename(path)}", read(path))
        self.put("kernel/slow-work/.kunitconfig", read(TOP, "tests/kunit/.kunitconfig"))
        self.maintainers(who, "include/linux/slow-work.h", "kernel/slow-work/*",
                         "kernel/slow-work/tests/")

    def documentation(self, who):
        for page, path in PAGES.items():
            self.put(path, read(TOP, "Documentation", page))
        self.hook("Documentation/core-api/index.rst", r"   workqueue$",
                  "   slow-work\n   slow-work-from-workqueue\n")
        self.hook("Documentation/admin-guide/index.rst", r"   serial-console$",
                  "   slow-work\n")
        self.maintainers(who, "Documentation/*/slow-work*",
                         "include/linux/slow-work.h", "kernel/slow-work/*",
                         "kernel/slow-work/tests/")

    def samples(self, who):
        for path in glob.glob(f"{TOP}/samples/*.[ch]"):
            self.put(f"samples/slow-work/{os.path.basename(path)}", read(path))
        self.kconfig("samples/slow-work/Kconfig", "SLOW_WORK_SAMPLES")
        self.makefile("samples/slow-work/Makefile", "samples/Kbuild", "SLOW_WORK_SAMPLES")
        self.hook("samples/Makefile", r"subdir-\$\(CONFIG_SAMPLE_SECCOMP\)",
                  "obj-$(CONFIG_SLOW_WORK_SAMPLES)\t+= slow-work/\n")
        self.hook("samples/Kconfig", r'^source "samples/rust/Kconfig"',
                  'source "samples/slow-work/Kconfig"\n\n')
        self.maintainers(who, "Documentation/*/slow-work*",
                         "include/linux/slow-work.h", "kernel/slow-work/*",
                         "kernel/slow-work/tests/", "samples/slow-work/")

    def tools(self, who):
        for path in glob.glob(f"{TOP}/tools/*"):
            name = os.path.basename(path).removesuffix(".py")
            self.put(f"tools/slow-work/{name}.py", read(path))
        self.maintainers(who, "Documentation/*/slow-work*",
                         "include/linux/slow-work.h", "kernel/slow-work/*",
                         "kernel/slow-work/tests/", "samples/slow-work/",
                         "tools/slow-work/")

    def steps(self, who):
        """After each patch: what it says"""
        for message, fill in zip(SERIES, (self.core, self.kunit, self.documentation,
                                          self.samples, self.tools)):
            fill(who)
            yield message


def write(top, files):
    for path, text in files.items():
        path = os.path.join(top, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        # A new file in its place: the tree may be made of hard links
        with open(path + ".slow-work", "w", encoding="utf-8") as f:
            f.write(text)
        if text.startswith("#!"):
            os.chmod(f.name, 0o755)
        os.rename(path + ".slow-work", path)


def series(tree, who, out):
    def git(*words, text=None):
        subprocess.run(["git", "-C", repo, *words], check=True, text=True, input=text)

    name, mail = re.fullmatch(r"(.*) <(.*)>", who).groups()
    steps = [(message, dict(tree.files)) for message in tree.steps(who)]
    with tempfile.TemporaryDirectory() as repo:
        git("init", "-q")
        git("config", "user.name", name)
        git("config", "user.email", mail)
        write(repo, tree.old)
        for message, files in [("base", {}), *steps]:
            write(repo, files)
            git("add", "-A")
            git("commit", "-q", "-s", "-F", "-", text=message)
        git("format-patch", "-q", f"-{len(steps)}", "-o", out)


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
    tree, who = Tree(args.tree), identity()
    if args.series:
        os.makedirs(args.series, exist_ok=True)
        series(tree, who, os.path.abspath(args.series))
    else:
        for _ in tree.steps(who):
            pass
        write(args.tree, tree.files)


if __name__ == "__main__":
    main()
