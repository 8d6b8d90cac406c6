"""Hashes 1 MiB at a time with OpenSSL for SECONDS and prints bytes a second.

Usage: sha1_probe.py SECONDS
"""

import hashlib
import sys
import time

seconds = float(sys.argv[1])
data = bytes(1 << 20)
hashlib.sha1(data).digest()
start = time.monotonic()
done = 0
while time.monotonic() - start < seconds:
    hashlib.sha1(data).digest()
    done += len(data)
print(done / (time.monotonic() - start))
