"""Downloads one torrent with libtorrent and then goes on giving.

Usage: lt_leech.py '{"torrent": PATH, "dir": PATH, "rate": BYTES, "address": IP}'
Listens on a free port of `address` and gives at most `rate` bytes a second (0: no limit). Prints
"ready PORT", then "piece N" for each piece that it has verified, and "done" once all is in the
files. Takes the lines "peer IP PORT" and "unlimit" and ends when its input ends.
"""

import json
import os
import sys
import threading
from pathlib import Path

import libtorrent as lt

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "scripts/lib"))
from lt_alerts import alerts  # noqa: E402

WANTED_ALERTS = (
    lt.alert.category_t.status_notification
    | lt.alert.category_t.error_notification
    | lt.alert.category_t.storage_notification
    | lt.alert.category_t.piece_progress_notification
)


def open_session(address):
    return lt.session({
        "listen_interfaces": f"{address}:0",
        "alert_mask": WANTED_ALERTS,
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_outgoing_utp": False,
        "enable_incoming_utp": False,
        "allow_multiple_connections_per_ip": True,
        "out_enc_policy": 2,
        "aio_threads": 1,
        "hashing_threads": 1,
    })


def take_commands(handle):
    for line in sys.stdin:
        word, *rest = line.split()
        if word == "unlimit":
            handle.set_upload_limit(-1)
        else:
            handle.connect_peer((rest[0], int(rest[1])))
    os._exit(0)


def main():
    wanted = json.loads(sys.argv[1])
    session = open_session(wanted["address"])
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(wanted["torrent"])
    params.save_path = wanted["dir"]
    params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    params.upload_limit = wanted["rate"] if wanted["rate"] > 0 else -1
    handle = session.add_torrent(params)
    print("ready", session.listen_port(), flush=True)
    threading.Thread(target=take_commands, args=(handle,), daemon=True).start()
    for alert in alerts(session):
        if isinstance(alert, lt.piece_finished_alert):
            print("piece", alert.piece_index, flush=True)
        elif isinstance(alert, lt.torrent_finished_alert):
            handle.flush_cache()
        elif isinstance(alert, lt.cache_flushed_alert):
            print("done", flush=True)
        elif isinstance(alert, (lt.torrent_error_alert, lt.file_error_alert)):
            sys.exit(alert.message())


main()
