#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""terminal.py DIR COMMAND...: a terminal for scripts to type on and to look at

COMMAND runs on a terminal of 40 lines with 160 columns.  What is written into the
fifo DIR/keys is typed, DIR/screen has what stands there, and in the end
DIR/status has COMMAND's exit status.  The terminal is the one of top.host's
terminfo entry: it can clear itself, and write where it is told to.  What others
are told besides is passed over, so there a text may stand elsewhere.
"""

import os
import pty
import re
import select
import signal
import sys
import termios

LINES, COLUMNS = 40, 160
TOKEN = re.compile(rb"\x1b\[([\d;?>]*)([A-Za-z@`])|\x1b[()\]][A-Z0-9]|\x1b[^\[()\]]|[^\x1b]")


class Screen:
    """What stands on the terminal"""

    def __init__(self):
        self.rest = b""
        self.clear()

    def clear(self):
        """Blanks, and the cursor in the first corner"""
        self.cells = [[" "] * COLUMNS for _ in range(LINES)]
        self.line = self.column = 0

    def write(self, data):
        """What COMMAND wrote, of which the last bytes may be half a sequence"""
        self.rest += data
        while token := TOKEN.match(self.rest):
            self.rest = self.rest[token.end():]
            if token[2] == b"H":
                line, column = (token[1] or b"1;1").split(b";")
                self.line, self.column = int(line) - 1, int(column) - 1
            elif token[2] == b"J":
                self.clear()
            elif len(token[0]) > 1:
                pass
            elif token[0] == b"\r":
                self.column = 0
            elif token[0] == b"\n":
                self.line = min(self.line + 1, LINES - 1)
            elif token[0][0] >= 32:
                self.cells[self.line][min(self.column, COLUMNS - 1)] = token[0].decode("latin-1")
                self.column += 1

    def text(self):
        """All lines"""
        return "".join("".join(line).rstrip() + "\n" for line in self.cells)


def put(path, text):
    """A file that nobody finds half written"""
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(path + ".new", path)


def main(work, *command):
    """Goes on until COMMAND has ended"""
    child, terminal = pty.fork()
    if not child:
        # who runs us in the background has it ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        termios.tcsetwinsize(0, (LINES, COLUMNS))
        os.execvp(command[0], command)
    keys = os.open(f"{work}/keys", os.O_RDWR)
    screen = Screen()
    while True:
        ready = select.select([keys, terminal], [], [])[0]
        if keys in ready:
            os.write(terminal, os.read(keys, 4096))
        if terminal in ready:
            try:
                screen.write(os.read(terminal, 4096))
            except OSError:
                break
            put(f"{work}/screen", screen.text())
    put(f"{work}/status", f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
