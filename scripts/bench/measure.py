"""Runs a program and writes what it cost: wall and CPU seconds, peak resident bytes.

Usage: measure.py RESULT LIMIT_SECONDS COMMAND...
A small process between, because Linux counts the parent's memory at the moment of the start into
the child's peak. CPU is user and system time of the child and all that it waited for.
"""

import json
import os
import signal
import sys
import time


def main():
    result, limit, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    start = time.monotonic()
    pid = os.posix_spawnp(command[0], command, os.environ)

    def end(_signal, _frame):
        os.kill(pid, signal.SIGKILL)

    signal.signal(signal.SIGALRM, end)
    signal.signal(signal.SIGTERM, end)
    signal.alarm(limit)
    _, status, used = os.wait4(pid, 0)
    wall = time.monotonic() - start
    with open(result, "w") as out:
        json.dump({
            "code": os.waitstatus_to_exitcode(status),
            "wall": wall,
            "user": used.ru_utime,
            "system": used.ru_stime,
            "residentBytes": used.ru_maxrss * 1024,
        }, out)


main()
