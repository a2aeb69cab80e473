#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""mutants.py [--list] [--elsewhere] [--anew] [--seed N] [--count N | --full] [WORD...]

Changes one statement of the module's C at a time, and tells which change no KUnit
suite notices: nothing tests what that statement is for.  A statement is left out, a
condition negated, an operator swapped, a constant one more, the end of a list the other
one, what is returned another value.  Each mutant is built incrementally, and the
suites run in User Mode Linux, where time travels.

With WORDs, all mutants in whose name one of them occurs: as "slow_work_take:", or the
whole name of one that was not noticed.  Else a sample, which the seed picks.
SUITES="stats yield" in the environment: by these suites alone.

With --elsewhere, those whose reason in tests/mutants.known begins with a part of
check.sh, as "vm-6.1-oops: ...": that part runs on each of them, and is to fail.  But
for what the suites notice meanwhile.

Prints KTAP.  One that is not noticed is a failure, unless tests/mutants.known has its
name, with the reason: it is equivalent, or something else than KUnit notices it.  One
that compiles to the same code is no mutant.  What was found is kept in the cache: one that
was noticed counts as noticed as long as its function is the same, any other as long as
the module and its suites are.  So a run that was broken off goes on, and after a change
only what it can have changed runs again; so with --elsewhere, but for what was not
noticed.  --anew forgets all that.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import fcntl
import functools
import glob
import hashlib
import itertools
import json
import math
import os
import queue
import re
import resource
import shutil
import subprocess
import sys
import threading

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CACHE = os.environ.get("SLOW_WORK_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "slow-work")
KNOWN = os.path.join(TOP, "tests", "mutants.known")
SUITES = os.environ.get("SUITES", "")
SWITCHES = ["CONFIG_SLOW_WORK_KUNIT_TEST=m"] + (["SUITES=" + SUITES] if SUITES else [])

# What a run of the suites may take: so many times the CPU time of one of what is not
# changed; and so many seconds of this machine, which may be busy, where a guest waits
# for ever
CPU_TIMES = 2
WALL_TIME = 60

Mutant = collections.namedtuple("Mutant", "name file begin end text key")


# --- the sources ----------------------------------------------------------------

def sources():
    """What Kbuild makes the module of, and the headers that are its own"""
    text = open(os.path.join(TOP, "Kbuild")).read().replace("\\\n", " ")
    names = []
    for value in re.findall(r"^slow_work-(?:y|\$\(CONFIG_SLOW_WORK_DEBUG\))\s*[:+]?=(.*)$",
                            text, re.M):
        names += [o[:-2] + ".c" for o in value.split()]
    headers = {"include/linux/slow-work.h"}
    for name in names:
        for header in re.findall(r'^#include "(.*)"', read(name), re.M):
            if "TRACE_SYSTEM" not in read(header) and header != "compat.h":
                headers.add(header)
    return names + sorted(headers)


@functools.lru_cache(None)
def read(name):
    return open(os.path.join(TOP, name)).read()


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


MACRO = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)


def code_of(text):
    """The same, with blanks for comments, strings and preprocessor lines"""
    text = re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', blank, text,
                  flags=re.S)
    return MACRO.sub(blank, text)


def functions(code):
    """Name, begin and end of each function's body: kernel style has its { alone"""
    for match in re.finditer(r"^\{\n(.*?)^\}", code, re.M | re.S):
        head = re.split(r"[;}]|\n[ \t]*\n", code[:match.start()])[-1]
        name = re.search(r"(?!__|EXPORT)\b([a-z_]\w*)\s*\(", head)
        if name:
            yield name.group(1), match.start(1), match.end(1)


def users_of(mutant):
    """The sources in which a change of its function can be seen; None: any"""
    if mutant.file.endswith(".c"):
        return [mutant.file]
    names = {mutant.name.split(":")[0]}
    headers = [name for name in sources() if name.endswith(".h")]
    bodies = {}
    for code in map(code_of, map(read, headers)):
        for name, begin, end in functions(code):
            bodies.setdefault(name, code[begin:end])
    before = None
    while names != before:
        before = set(names)
        word = re.compile(r"\b(?:%s)\b" % "|".join(sorted(names)))
        names |= {name for name, body in bodies.items() if word.search(body)}
    # Nothing tells where a macro is used, nor where a tracepoint is
    if mutant.file.startswith("include/") or word.search(read("slow-work-trace.h")) or \
       any(word.search("\n".join(MACRO.findall(read(name)))) for name in headers):
        return None
    return [name for name in sources() if name.endswith(".c") and word.search(read(name))]


def closing(code, at):
    """Behind the bracket that closes the one at that place"""
    depth = 0
    while True:
        depth += {"(": 1, ")": -1}.get(code[at], 0)
        at += 1
        if not depth:
            return at


HEADER = re.compile(r"\s*(?:(?:if|while|for|switch|\w*for_each\w*|swait_\w+)\s*(?=\()|else\b|do\b"
                    r"|case\b[^:?]*:|default\s*:|\w+:(?!:))")
TYPES = re.compile(r"(?:const|static|struct|unsigned|int|bool|long|char|void|enum|[us](?:8|16|32|64)"
                   r"|size_t|loff_t|ktime_t|pid_t|DECLARE_\w+|DEFINE_\w+|LIST_HEAD|cpumask_var_t)\b")


def statements(code, begin, end):
    """Where each simple statement is, without what it depends on"""
    at = start = begin
    depth = 0
    while at < end:
        c = code[at]
        depth += c in "(["
        depth -= c in ")]"
        if depth or c not in ";{}":
            at += 1
            continue
        first = start
        while True:
            match = HEADER.match(code, first, at)
            if not match:
                break
            first = match.end()
            if code[first] == "(":
                first = closing(code, first)
        while first < at and code[first].isspace():
            first += 1
        # } = {...} and the like end with no statement
        if c == ";" and first < at:
            yield first, at
        at += 1
        start = at


SWAPS = {
    "<=": "<", ">=": ">", "<": "<=", ">": ">=", "==": "!=", "!=": "==", "&&": "||", "||": "&&",
    "+": "-", "-": "+", "*": "/", "/": "*", "++": "--", "--": "++", "+=": "-=", "-=": "+=",
    "|=": "&=", "&=": "|=", "|": "&", "&": "|", "^": "|",
}
OPERATOR = re.compile(r"->|<<=?|>>=?|[-+|&*/^<>=!]=|\+\+|--|&&|\|\||[-+*/|&^<>]")
ENDS = [("list_add_tail", "list_add"), ("list_move_tail", "list_move"),
        ("list_first_entry", "list_last_entry"),
        ("list_splice_tail_init", "list_splice_init"), ("list_splice_tail", "list_splice")]
NOTHING = "do { } while (0)"	# as the body of an "if" the compiler warns of ";"
OTHER_END = dict(ENDS + [(b, a) for a, b in ENDS])


def is_binary(code, at):
    before = code[:at].rstrip()
    return bool(re.search(r"[\w)\]]$", before)) and not re.search(r"\breturn$|\([a-z_ ]+\s?\*?\)$", before)


def changes(code, begin, end):
    """(kind, begin, end, what is there instead) of a function's body"""
    whole = code[begin:end]
    # Where types are declared * is no operator
    declared = [(begin + m.start(), begin + m.end()) for m in
                re.finditer(r"^\s+" + TYPES.pattern + r"[^;=(]*", whole, re.M)]

    for first, last in statements(code, begin, end):
        text = code[first:last]
        word = re.match(r"\w*", text).group()
        if word == "return":
            value = text[6:].strip()
            if not value:
                yield "left out", first, last, NOTHING
            elif value in ("true", "false"):
                yield "returns", first, last, "return " + ("false" if value == "true" else "true")
            elif value not in ("0", "NULL"):
                yield "returns", first, last, "return 0"
        elif word not in ("goto", "asm") and not TYPES.match(text):
            yield "left out", first, last, NOTHING

    for match in re.finditer(r"\b(?:if|while)\s*(?=\()", whole):
        first = begin + match.end()
        last = closing(code, first)
        inside = code[first + 1:last - 1]
        # An == that is swapped is the same
        if not re.fullmatch(r"[^=!&|<>?(]+[=!]=[^=!&|<>?(]+", inside):
            yield "negated", first + 1, last - 1, "!(%s)" % inside
    for match in re.finditer(r"\?(?!:)", whole):
        at = begin + match.start()
        yield "negated", at, at + 1, "? 0 :"

    for match in OPERATOR.finditer(whole):
        at, op = begin + match.start(), match.group()
        if op not in SWAPS or any(a <= at < b for a, b in declared):
            continue
        if op in ("+", "-", "*", "&", "/", "|", "^", "<", ">") and not is_binary(code, at):
            continue
        yield "swapped", at, begin + match.end(), SWAPS[op]

    for match in re.finditer(r"(?<![\w.])(\d+)(U?L*)\b(?!\w)", whole):
        yield ("off by one", begin + match.start(), begin + match.end(),
               "%d%s" % (int(match.group(1)) + 1, match.group(2)))

    for match in re.finditer(r"\b(%s)(?=(_or_null)?\b)" % "|".join(OTHER_END), whole):
        other = OTHER_END[match.group(1)]
        yield "other end", begin + match.start(), begin + match.end(), other


def negate_choice(code, at):
    """The condition of a ?: that is at that place, from where it begins"""
    depth, first = 0, at
    while first:
        c = code[first - 1]
        depth += c in ")]"
        depth -= c in "(["
        if depth < 0 or (not depth and (c in ",;{" or code[first - 2:first] == " =" or
                                        re.search(r"\breturn$", code[:first]))):
            break
        first -= 1
    return first


def short(text):
    return " ".join(text.split())


def mutants():
    found, names = [], collections.Counter()
    for file in sources():
        text = read(file)
        code = code_of(text)
        for function, begin, end in functions(code):
            key = sha(short(code[begin:end]))[:16]
            seen = set()
            for kind, first, last, new in changes(code, begin, end):
                if new == "? 0 :":
                    first = negate_choice(code, first)
                    new = "!(%s)" % text[first:last - 1].strip() + " ?"
                elif kind == "negated":
                    new = "!(%s)" % text[first:last]
                if (first, last, new) in seen:
                    continue
                seen.add((first, last, new))
                line = text[text.rfind("\n", 0, first) + 1:text.find("\n", last)]
                old = text[first:last]
                if kind in ("swapped", "off by one", "other end"):
                    what = "%s to %s in: %s" % (old, new, short(line))
                elif kind == "left out":
                    what = short(old) + ";"
                elif kind == "returns":
                    what = "%s, not %s" % (new[7:], short(old[6:]))
                else:
                    what = short(old.rstrip(" ?"))
                name = "%s: %s: %s" % (function, kind, what)
                names[name] += 1
                if names[name] > 1:
                    name += " (%d)" % names[name]
                # so that no line moves
                new += "\n" * (old.count("\n") - new.count("\n"))
                found.append(Mutant(name, file, first, last, new, key))
    return found


def known():
    """Names, or after ~ regular expressions; each with its reason indented below"""
    entries, entry = [], None
    for line in open(KNOWN):
        if line.startswith((" ", "\t")) and entry:
            entry[1] += " " + line.strip()
        elif line.strip() and not line.startswith("#"):
            entry = [line.strip(), ""]
            entries.append(entry)
    return entries


def reason_of(name, entries):
    for entry, reason in entries:
        if entry == name or entry.startswith("~") and re.fullmatch(entry[1:].strip(), name):
            return reason.strip()
    return None


# --- build and run ----------------------------------------------------------------

def sha(*texts):
    total = hashlib.sha256()
    for text in texts:
        total.update(text if isinstance(text, bytes) else text.encode())
    return total.hexdigest()


def tool(*words):
    return subprocess.run(words, cwd=TOP, check=True, stdout=subprocess.PIPE,
                          text=True).stdout.strip()


@contextlib.contextmanager
def changed(root, mutant):
    """Its source below root is the mutant's meanwhile"""
    path, text = os.path.join(root, mutant.file), read(mutant.file)
    if open(path).read() != text:
        sys.exit("%s has changed meanwhile" % mutant.file)
    try:
        with open(path, "w") as file:
            file.write(text[:mutant.begin] + mutant.text + text[mutant.end:])
        yield
    finally:
        with open(path, "w") as file:
            file.write(text)


class Lane:
    """A tree of its own to build in"""

    def __init__(self, kernel, built):
        self.kernel = kernel
        for number in itertools.count():
            self.dir = os.path.join(CACHE, "mutants", "lane-%d" % number)
            os.makedirs(self.dir, exist_ok=True)
            self.lock = open(os.path.join(self.dir, "lock"), "w")
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                pass			# another run's
        self.src = os.path.join(self.dir, "src")
        self.ko = os.path.join(self.dir, "ko")
        os.makedirs(self.ko, exist_ok=True)
        subprocess.run(["rsync", "-rlpc", "--delete", "--exclude=*.o", "--exclude=*.ko", "--exclude=*.mod",
                        "--exclude=*.mod.c", "--exclude=.*.cmd", "--exclude=*.symvers",
                        "--exclude=modules.order", built + "/", self.src + "/"], check=True)
        self.make()
        self.plain = self.code()

    def command(self, target):
        """What Kbuild did to make that"""
        directory, name = os.path.split(os.path.join(self.src, target))
        line = open("%s/.%s.cmd" % (directory, name)).readline()
        return line.split(":=", 1)[1].replace("$(pound)", "#").replace("$$", "$").strip()

    def make_some(self, files):
        """The same for a change that concerns these sources alone"""
        for target in [file[:-2] + ".o" for file in files] + ["slow_work.o", "slow_work.ko"]:
            done = subprocess.run(self.command(target), shell=True, stdin=subprocess.DEVNULL,
                                  cwd=os.path.join(self.kernel, "kdir"),
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            self.log = done.stdout
            if done.returncode:
                return False
        return True

    def make(self):
        """False: it does not compile"""
        arch = open(os.path.join(self.kernel, "arch")).read().strip()
        done = subprocess.run(["make", "-s", "-C", os.path.join(self.kernel, "kdir"), "M=" + self.src,
                               "ARCH=" + arch, *SWITCHES, "modules"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.log = done.stdout
        return not done.returncode

    def made(self, end):
        return [name for below in ("", "tests/kunit/", "tests/kunit/lost/")
                for name in glob.glob(self.src + "/" + below + "*" + end)]

    def code(self):
        """Of all that is loaded, but for what says where it came from"""
        total = []
        for name in self.made(".o"):
            if not name.endswith((".mod.o", "slow_work.o", "slow_work_kunit.o", "slow_work_kunit_lost.o")):
                total.append(name + sha(open(name, "rb").read()))
        return sha(*sorted(total))

    def run(self, wall, cpu_time=600):
        for name in self.made(".ko"):
            shutil.copy(name, self.ko)
        done = subprocess.run(["tests/vm.sh", "uml", "--modules", self.ko, "--append",
                               "time-travel=inf-cpu", "--cpu-time", str(cpu_time), "--no-panic-on-warn",
                               "--first", "--timeout", str(wall), "tests/vm/kunit.sh"], cwd=TOP,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
        forget_failure(done)
        return done

    def judge(self, mutant, cpu_time):
        """Verdict, and what noticed it"""
        files = users_of(mutant)
        plain = {}
        for file in files or []:
            made = os.path.join(self.src, file[:-2] + ".o")
            plain[made] = open(made, "rb").read()
        with changed(self.src, mutant):
            verdict = self.judge_changed(files, cpu_time)
        for made, content in plain.items():
            with open(made, "wb") as file:
                file.write(content)
        if not files:
            self.make()
        return verdict

    def judge_changed(self, files, cpu_time):
        if not (self.make_some(files) if files else self.make()):
            return "not built", ""
        if self.code() == self.plain:
            return "same code", ""
        done = self.run(WALL_TIME, cpu_time)
        if "no sign of life" in done.stdout:
            done = self.run(5 * WALL_TIME, cpu_time)	# the machine may be busy
        if not done.returncode:
            return "not noticed", ""
        return noticed(done)


def forget_failure(done):
    """vm.sh keeps what a failure needs to be understood; a mutant's is wanted"""
    for kept in re.findall(r"what a report of this needs is in (\S+)", done.stderr):
        shutil.rmtree(kept, ignore_errors=True)


class Elsewhere:
    """A copy of the tree, in which a part of check.sh runs"""

    def __init__(self):
        os.environ.pop("SLOW_WORK_CHECKOUT", None)      # this is one by itself
        self.dir = os.path.join(CACHE, "mutants", sha(TOP)[:8] + "-elsewhere")
        os.makedirs(self.dir, exist_ok=True)
        subprocess.run(["rsync", "-rlpc", "--delete", "--exclude=/bench-results", TOP + "/", self.dir + "/"],
                       check=True)

    def check(self, part):
        return subprocess.run(["tests/check.sh", part], cwd=self.dir, env=dict(os.environ, FIRST="yes", WARNINGS="yes"),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              errors="replace")

    def judge(self, mutant, part):
        with changed(self.dir, mutant):
            done = self.check(part)
        forget_failure(done)
        if not done.returncode:
            return "not noticed", part
        return noticed(done, " +")      # not the line of the part


def noticed(done, before=" *"):
    """What is not ok, or did not end as it should.  What broke off for another reason, as a
    full disk, says nothing of the mutant."""
    why = re.findall("^" + before + r"not ok \d+ (?:- )?(.*)", done.stdout, re.M) + \
        re.findall(r"^ *# vm [\w.-]+ [\w.-]+: (.*)", done.stdout, re.M)
    if not why:
        sys.exit("a run broke off:\n" + done.stdout[-3000:] + done.stderr[-3000:])
    return "noticed", why[0]


def judge_elsewhere(found, entries, memory):
    """By what their reason names"""
    parts, verdicts, before = {}, {}, remembered(found, memory)
    for mutant in found:
        match = re.match(r"([a-z][\w.-]*): ", reason_of(mutant.name, entries) or "")
        if match:
            parts[mutant] = match.group(1)
            # What another part noticed says nothing of this one
            if before.get(mutant.name, [])[2:] == [match.group(1)]:
                verdicts[mutant.name] = before[mutant.name]
    tree, failed = Elsewhere(), 0
    todo = sorted({part for mutant, part in parts.items() if mutant.name not in verdicts})
    print("KTAP version 1\n1..%d" % (len(todo) + len(parts)))
    fails = set()
    for number, part in enumerate(todo, 1):
        done, why = tree.check(part), ""
        if done.returncode:
            fails.add(part)
            why = " # " + noticed(done, " +")[1]
        print("%sok %d - %s passes without a mutant%s" % ("not " if why else "", number, part, why), flush=True)
    failed += len(fails)
    for number, (mutant, part) in enumerate(parts.items(), len(todo) + 1):
        if mutant.name not in verdicts:
            # A part that fails anyway says nothing of a mutant
            verdicts[mutant.name] = ("not run", part) if part in fails else tree.judge(mutant, part)
            if verdicts[mutant.name][0] == "noticed":
                remember(memory, mutant.name, mutant.key, [*verdicts[mutant.name], part])
        verdict, why = verdicts[mutant.name][:2]
        failed += verdict != "noticed"
        print("%sok %d - %s # %s: %s" % ("" if verdict == "noticed" else "not ", number,
                                         mutant.name.replace("#", "\\#"), verdict, why), flush=True)
    return 1 if failed else 0


def tree_key():
    """Of what is built for the guest, and of what runs there"""
    names = ["*.[ch]", "Kbuild", "include/linux/*.h", "tests/*.[ch]", "tests/kunit/**",
             "tests/vm/kunit.sh", "tests/vm/guest/*"]
    files = sorted({name for pattern in names for name in glob.glob(TOP + "/" + pattern, recursive=True)
                    if os.path.isfile(name)})
    return sha(SUITES, *[open(name, "rb").read() for name in files])[:16]


def pick(found, seed, count):
    """What a seed picks changes little when the sources do"""
    return sorted(found, key=lambda m: sha(str(seed), m.name))[:count]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1],
                                     usage=__doc__.split("\n", 1)[0])
    parser.add_argument("--list", action="store_true", help="say only which there are")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--full", action="store_true", help="all of them")
    parser.add_argument("--elsewhere", action="store_true",
                        help="run what is known to be noticed elsewhere, there; but for what the suites noticed")
    parser.add_argument("--anew", action="store_true", help="forget what was found before")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("words", nargs="*", metavar="WORD")
    args = parser.parse_args()

    found = all_of_them = mutants()
    if args.words:
        found = [m for m in found if any(word in m.name for word in args.words)]
    elif not args.full and not args.elsewhere:
        found = pick(found, args.seed, args.count)
    if args.list:
        for mutant in found:
            print(mutant.name)
        return 0
    entries = known()
    os.makedirs(os.path.join(CACHE, "mutants"), exist_ok=True)
    memory = suites = os.path.join(CACHE, "mutants", "memory" + sha(SUITES)[:8])
    if args.elsewhere:
        memory = os.path.join(CACHE, "mutants", "elsewhere")
    if args.anew and os.path.exists(memory):
        os.unlink(memory)
    if args.elsewhere:
        noticed = {name for name, verdict in remembered(found, suites).items() if verdict[0] == "noticed"}
        return judge_elsewhere([m for m in found if m.name not in noticed], entries, memory)

    print("KTAP version 1\n1..%d" % (len(found) + 1))
    print("# seed %s: %d of %d mutants" % (args.seed, len(found), len(all_of_them)), flush=True)
    verdicts = remembered(found, memory)
    todo = [m for m in found if m.name not in verdicts]
    if todo:
        judge_all(todo, verdicts, memory, args.jobs)

    totals = collections.Counter()
    for number, mutant in enumerate(found, 1):
        verdict, why = verdicts[mutant.name]
        reason = reason_of(mutant.name, entries)
        totals["known" if verdict == "not noticed" and reason else verdict] += 1
        said = why if verdict == "noticed" else reason or ""
        print("%sok %d - %s # %s%s" % (
            "not " if verdict == "not noticed" and not reason else "", number,
            mutant.name.replace("#", "\\#"), verdict, said and ": " + said))
    # A name that no mutant has tells nothing
    names = {m.name for m in all_of_them}
    stale = [e for e, _ in entries if not (e in names or e.startswith("~") and
                                           any(re.fullmatch(e[1:].strip(), n) for n in names))]
    for entry in stale:
        print("# no such mutant: " + entry)
    print("%sok %d - those in mutants.known are there" % ("not " if stale else "", len(found) + 1))
    print("# " + ", ".join("%d %s" % (n, what) for what, n in totals.most_common()))
    return 1 if totals["not noticed"] or stale else 0


def remembered(found, memory):
    tree, keys, verdicts = tree_key(), {m.name: m.key for m in found}, {}
    if os.path.exists(memory):
        for line in open(memory):
            if not line.endswith("]\n"):	# it was broken off here
                continue
            name, key, verdict = json.loads(line)
            if key == (keys.get(name) if verdict[0] == "noticed" else tree):
                verdicts[name] = verdict
    return verdicts


def remember(memory, name, key, verdict):
    with open(memory, "a") as file:
        file.write(json.dumps([name, key, verdict]) + "\n")


def judge_all(todo, verdicts, memory, jobs):
    kernel = tool("tests/kernel.sh", "--headers", "uml")
    built = os.path.join(os.path.dirname(tool("tests/build.sh", "uml", *SWITCHES)), "src")
    jobs = min(jobs, len(todo))
    lanes = queue.Queue()
    first = Lane(kernel, built)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = first.run(5 * WALL_TIME)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit("the suites do not pass as they are:\n" + done.stdout[-3000:] + done.stderr)
    cpu_time = math.ceil(CPU_TIMES * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
    lanes.put(first)
    for _ in range(1, jobs):
        lanes.put(Lane(kernel, built))
    lock, tree = threading.Lock(), tree_key()

    def one(mutant):
        lane = lanes.get()
        try:
            verdict = lane.judge(mutant, cpu_time)
        finally:
            lanes.put(lane)
        with lock:
            verdicts[mutant.name] = verdict
            remember(memory, mutant.name, mutant.key if verdict[0] == "noticed" else tree, verdict)
            if verdict[0] == "not noticed" or sys.stderr.isatty():
                print("mutants.py: %s: %s" % (verdict[0], mutant.name), file=sys.stderr)

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        try:
            for future in [pool.submit(one, mutant) for mutant in todo]:
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


if __name__ == "__main__":
    sys.exit(main())
