"""Downloads one torrent with COUNT libtorrent sessions at once and says how long they took.

Usage: lt_leeches.py TORRENT DIR HOST PORT COUNT
Prints "ready" once all are up, waits for a line, prints "done SECONDS" when the last has verified
everything. All write the same bytes into the same files, so that COUNT copies need the memory of
one: what a block does to the seeder does not depend on where the leech puts it.
"""

import os
import select
import sys
import time

import libtorrent as lt
from lt_common import fast_session


def start(info, directory, host, count):
    # Both, with one leech: the fastest there is. With many the threads only get in their own way.
    session = fast_session(f"{host}:0", threads=4 if count == 1 else 1, open_files=50)
    if count > 1:
        session.apply_settings({"hashing_threads": 1})
    params = lt.add_torrent_params()
    params.ti = info
    params.save_path = directory
    params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    handle = session.add_torrent(params)
    return session, handle


def wait_for_all(sessions, kind, seconds):
    """Sleeps on a pipe that every session writes to when it has news."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    waiting = dict(enumerate(sessions))
    for session in sessions:
        session.set_alert_fd(writer)
    deadline = time.monotonic() + seconds
    while waiting:
        if time.monotonic() > deadline:
            sys.exit(f"{len(waiting)} of {len(sessions)} leeches did not finish")
        for i, session in list(waiting.items()):
            for alert in session.pop_alerts():
                if isinstance(alert, kind):
                    waiting.pop(i, None)
                if isinstance(alert, (lt.torrent_error_alert, lt.file_error_alert)):
                    sys.exit(alert.message())
        if waiting and select.select([reader], [], [], 0.2)[0]:
            os.read(reader, 65536)
    for session in sessions:
        session.set_alert_fd(-1)


def main():
    path, directory, host, port, count = sys.argv[1:6]
    info = lt.torrent_info(path)
    started = [start(info, directory, host, int(count)) for _ in range(int(count))]
    sessions = [session for session, _ in started]
    wait_for_all(sessions, lt.torrent_checked_alert, 60)
    print("ready", flush=True)
    sys.stdin.readline()
    begin = time.monotonic()
    for _, handle in started:
        handle.connect_peer((host, int(port)))
    wait_for_all(sessions, lt.torrent_finished_alert, 900)
    print(f"done {time.monotonic() - begin:.4f}", flush=True)
    # Taking the sessions down in order would only cost time.
    os._exit(0)


main()
