"""Seeds one torrent with libtorrent.

Usage: lt_seeder.py '{"torrent": PATH, "dir": PATH, "count": N, "rate": BYTES, "address": IP}'
Starts `count` sessions, each on a free port of `address`, each giving at most `rate` bytes a second
(0: no limit). Prints "ready PORT..." once all are seeding. Then answers the line "uploaded" with
"uploaded BYTES" (payload, all sessions) and ends when its input ends.
"""

import json
import sys
from pathlib import Path

import libtorrent as lt

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "scripts/lib"))
from lt_alerts import alerts  # noqa: E402


def open_session(address):
    return lt.session({
        "listen_interfaces": f"{address}:0",
        "alert_mask": lt.alert.category_t.status_notification
        | lt.alert.category_t.error_notification
        | lt.alert.category_t.storage_notification,
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_outgoing_utp": False,
        "enable_incoming_utp": False,
        "allow_multiple_connections_per_ip": True,
        "unchoke_slots_limit": -1,
        "aio_threads": 1,
        "hashing_threads": 1,
    })


def wait_for(session, kind):
    for alert in alerts(session):
        if isinstance(alert, kind):
            return alert
        if isinstance(alert, (lt.torrent_error_alert, lt.file_error_alert)):
            sys.exit(alert.message())


def seed(session, params, rate):
    params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    params.upload_limit = rate if rate > 0 else -1
    handle = session.add_torrent(params)
    wait_for(session, lt.torrent_finished_alert)
    return handle


def main():
    wanted = json.loads(sys.argv[1])
    info = lt.torrent_info(wanted["torrent"])
    sessions, handles = [], []
    saved = None
    for _ in range(wanted["count"]):
        params = lt.add_torrent_params() if saved is None else lt.read_resume_data(saved)
        params.ti = info
        params.save_path = wanted["dir"]
        session = open_session(wanted["address"])
        sessions.append(session)
        handles.append(seed(session, params, wanted["rate"]))
        if saved is None and wanted["count"] > 1:
            # The first one checked the data; the others start from what it found.
            handles[0].save_resume_data()
            saved = lt.write_resume_data_buf(wait_for(session, lt.save_resume_data_alert).params)
    print("ready", *[session.listen_port() for session in sessions], flush=True)
    for line in sys.stdin:
        if line.strip() == "uploaded":
            total = sum(handle.status().total_payload_upload for handle in handles)
            print("uploaded", total, flush=True)


main()
