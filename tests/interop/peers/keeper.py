"""Runs a program and ends it, with all it started, when this process's own input ends.

Usage: keeper.py COMMAND...
The input is a pipe that only the test holds: however the test ends, the program ends with it.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading

PR_SET_PDEATHSIG = 1


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main():
    child = subprocess.Popen(
        sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=die_with_parent
    )

    def end_with_input():
        sys.stdin.read()
        try:
            os.killpg(child.pid, signal.SIGTERM)
            try:
                child.wait(1)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    threading.Thread(target=end_with_input, daemon=True).start()
    code = child.wait()
    os._exit(code if code >= 0 else 128 - code)


main()
