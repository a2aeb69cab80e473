#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""checksum.py DIR: what slow-scrub should find under DIR, in the words of its
result file.  The head of tests/vm/slow-scrub.c explains the sum."""

import os
import stat
import sys
import zlib

M64 = (1 << 64) - 1


def mix(crc, name_crc, size):
    x = ((crc << 32 | name_crc) + size * 0x9E3779B97F4A7C15) & M64
    x = (x ^ x >> 33) * 0xFF51AFD7ED558CCD & M64
    x = (x ^ x >> 33) * 0xC4CEB9FE1A85EC53 & M64
    return x ^ x >> 33


def main(top):
    files = directories = size = total = 0
    todo = [os.fsencode(top)]
    dev = os.stat(top).st_dev
    while todo:
        path = todo.pop()
        directories += 1
        for entry in os.scandir(path):
            info = entry.stat(follow_symlinks=False)
            if info.st_dev != dev:
                continue
            if stat.S_ISDIR(info.st_mode):
                todo.append(entry.path)
            elif stat.S_ISREG(info.st_mode):
                with open(entry.path, "rb") as f:
                    data = f.read()
                files += 1
                size += len(data)
                total += mix(zlib.crc32(data), zlib.crc32(entry.name), len(data))
    print(f"files       {files}")
    print(f"directories {directories}")
    print(f"bytes       {size}")
    print(f"checksum    {total & M64:016x}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
