"""A disk through FUSE whose calls wait as long as a test says: one that a file in HOLD is named after
waits until that is gone, and says that it waits by a file in SEEN. With HOLD/zero writes take nothing.
usage: held_disk.py ROOT HOLD SEEN MOUNT_POINT"""
import os
import sys
import time

import fuse

ROOT, HOLD, SEEN, MOUNT_POINT = sys.argv[1:]
fuse.fuse_python_api = (0, 2)


def wait(call):
    if not os.path.exists(f"{HOLD}/{call}"):
        return
    open(f"{SEEN}/{call}", "w").close()
    while os.path.exists(f"{HOLD}/{call}"):
        time.sleep(0.005)


class Handle:
    """fuse-python takes a bare number for an error."""

    def __init__(self, fd):
        self.fd = fd


class HeldDisk(fuse.Fuse):
    def getattr(self, path, fh=None):
        wait("stat")
        return os.lstat(ROOT + path)

    def readdir(self, path, offset):
        for name in [".", "..", *os.listdir(ROOT + path)]:
            yield fuse.Direntry(name)

    def open(self, path, flags):
        wait("open")
        return Handle(os.open(ROOT + path, flags))

    def create(self, path, flags, mode):
        return Handle(os.open(ROOT + path, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode))

    def read(self, path, size, offset, fh):
        wait("read")
        return os.pread(fh.fd, size, offset)

    def write(self, path, data, offset, fh):
        wait("write")
        if os.path.exists(f"{HOLD}/zero"):
            open(f"{SEEN}/zero", "w").close()
            return 0
        return os.pwrite(fh.fd, data, offset)

    def fsync(self, path, data_only, fh):
        wait("sync")

    def truncate(self, path, size):
        os.truncate(ROOT + path, size)

    def ftruncate(self, path, size, fh):
        os.ftruncate(fh.fd, size)

    def flush(self, path, fh):
        pass

    def release(self, path, flags, fh):
        os.close(fh.fd)

    def mkdir(self, path, mode):
        os.mkdir(ROOT + path, mode)

    def unlink(self, path):
        os.unlink(ROOT + path)

    def rmdir(self, path):
        os.rmdir(ROOT + path)

    def rename(self, path, to):
        os.rename(ROOT + path, ROOT + to)


disk = HeldDisk()
disk.parse([MOUNT_POINT, "-f", "-o", "direct_io,attr_timeout=0,entry_timeout=0"])
disk.multithreaded = True
disk.main()
