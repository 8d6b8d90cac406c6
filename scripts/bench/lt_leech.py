"""Downloads one torrent with libtorrent and ends when everything is written.

Usage: lt_leech.py TORRENT DIR HOST:PORT...
"""

import os
import sys

import libtorrent as lt
from lt_common import alerts, fast_session


def wait_for(session, kind):
    for alert in alerts(session):
        if isinstance(alert, kind):
            return alert
        if isinstance(alert, (lt.torrent_error_alert, lt.file_error_alert)):
            sys.exit(alert.message())


def main():
    info = lt.torrent_info(sys.argv[1])
    session = fast_session(open_files=info.num_files() + 100)
    params = lt.add_torrent_params()
    params.ti = info
    params.save_path = sys.argv[2]
    params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    handle = session.add_torrent(params)
    for peer in sys.argv[3:]:
        host, port = peer.rsplit(":", 1)
        handle.connect_peer((host, int(port)))
    wait_for(session, lt.torrent_finished_alert)
    handle.flush_cache()
    wait_for(session, lt.cache_flushed_alert)
    # Everything is in the files; taking the session down in order would only cost it time.
    os._exit(0)


main()
