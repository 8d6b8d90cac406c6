"""One libtorrent session that finds its peers in the ways that it is told to, and in no other.

Usage: lt_peer.py '{"address": IP, "dht": BOOL, "lsd": BOOL, "pex": BOOL, "rate": BYTES,
                    "source": PATH OR MAGNET, "dir": PATH}'
Without "source" it is a node of the DHT and nothing else. Prints "ready PORT", "piece N" for each
verified piece, "peer IP PORT" for each connection that stands, and "done" once all is in the files.
Takes the lines "peer IP PORT", "node IP PORT" (of the DHT), "announce" (to the DHT, again),
"nodes" (answered by "nodes N") and "uploaded" (by "uploaded BYTES"); ends when its input ends.
"""

import json
import os
import sys
import threading
from pathlib import Path

import libtorrent as lt

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "scripts/lib"))
from lt_alerts import alerts  # noqa: E402

CATEGORIES = lt.alert.category_t
WANTED_ALERTS = (
    CATEGORIES.status_notification
    | CATEGORIES.error_notification
    | CATEGORIES.storage_notification
    | CATEGORIES.piece_progress_notification
    | CATEGORIES.peer_notification
    | CATEGORIES.connect_notification
)

SAYING = threading.Lock()


def say(*words):
    """One whole line: two threads print."""
    with SAYING:
        sys.stdout.write(" ".join(map(str, words)) + "\n")
        sys.stdout.flush()


def open_session(wanted):
    return lt.session({
        "listen_interfaces": f"{wanted['address']}:0",
        "alert_mask": WANTED_ALERTS,
        "enable_dht": wanted.get("dht", False),
        "enable_lsd": wanted.get("lsd", False),
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_outgoing_utp": False,
        "enable_incoming_utp": False,
        "allow_multiple_connections_per_ip": True,
        # Two seeds stay together, so that one of them can tell others of the other.
        "close_redundant_connections": False,
        "dht_bootstrap_nodes": "",
        "dht_restrict_routing_ips": False,
        "dht_restrict_search_ips": False,
        "dht_prefer_verified_node_ids": False,
        "dht_enforce_node_id": False,
        "out_enc_policy": 2,
        "aio_threads": 1,
        "hashing_threads": 1,
    })


def start_torrent(session, wanted):
    source = wanted["source"]
    if source.startswith("magnet:"):
        params = lt.parse_magnet_uri(source)
    else:
        params = lt.add_torrent_params()
        params.ti = lt.torrent_info(source)
    params.save_path = wanted["dir"]
    flags = lt.torrent_flags
    params.flags &= ~(flags.auto_managed | flags.paused)
    for way in ("dht", "lsd", "pex"):
        if not wanted.get(way, False):
            params.flags |= getattr(flags, f"disable_{way}")
    rate = wanted.get("rate", 0)
    params.upload_limit = rate if rate > 0 else -1
    return session.add_torrent(params)


def obey(session, handle):
    for line in sys.stdin:
        word, *rest = line.split()
        if word == "peer":
            handle.connect_peer((rest[0], int(rest[1])))
        elif word == "node":
            session.add_dht_node((rest[0], int(rest[1])))
        elif word == "announce":
            handle.force_dht_announce()
        elif word == "nodes":
            say("nodes", session.status().dht_nodes)
        elif word == "uploaded":
            say("uploaded", handle.status().total_payload_upload)
    os._exit(0)


def report(alert, handle):
    if isinstance(alert, lt.piece_finished_alert):
        say("piece", alert.piece_index)
    elif isinstance(alert, lt.peer_connect_alert):
        say("peer", *alert.endpoint)
    elif isinstance(alert, lt.torrent_finished_alert):
        handle.flush_cache()
    elif isinstance(alert, lt.cache_flushed_alert):
        say("done")
    elif isinstance(alert, (lt.torrent_error_alert, lt.file_error_alert)):
        sys.exit(alert.message())


def main():
    wanted = json.loads(sys.argv[1])
    session = open_session(wanted)
    handle = start_torrent(session, wanted) if "source" in wanted else None
    say("ready", session.listen_port())
    threading.Thread(target=obey, args=(session, handle), daemon=True).start()
    for alert in alerts(session):
        report(alert, handle)


main()
