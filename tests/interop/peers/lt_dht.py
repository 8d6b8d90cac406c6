"""A DHT of libtorrent nodes: sessions of one process, each on a free port of one of the addresses.

Usage: lt_dht.py '{"count": N, "addresses": [IP...]}'
They take turns with the addresses.
Prints "ready PORT..." when all listen and "joined" once each knows KNOWN others. Nodes are named by
their place in the list of ports. Takes lines, answers some of them:

  announce NODE HASH                         stores itself as a peer, by its own port
  get-peers NODE HASH                        "peers HASH IP:PORT...", each time that some are found
  put NODE TEXT                              "put TARGET STORED": an immutable string
  get NODE TARGET                            "item TARGET TEXT"
  put-mutable NODE PRIVATE PUBLIC SALT TEXT  "put-mutable PUBLIC STORED"; keys in hexadecimal
  get-mutable NODE PUBLIC SALT               "mutable PUBLIC SEQ TEXT"

PRIVATE is the expanded key of 64 bytes. Ends when its input ends.
"""

import json
import os
import sys
import threading
import time
import warnings

import libtorrent as lt

# Nodes that each is told of, and those that each must know before the DHT counts as joined.
INTRODUCED, KNOWN = 10, 8


def open_session(address):
    return lt.session({
        "listen_interfaces": f"{address}:0",
        "alert_mask": lt.alert.category_t.dht_notification
        | lt.alert.category_t.dht_operation_notification
        | lt.alert.category_t.status_notification,
        "enable_dht": True,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "dht_bootstrap_nodes": "",
        # Many of them have one address.
        "dht_restrict_routing_ips": False,
        "dht_restrict_search_ips": False,
        "dht_prefer_verified_node_ids": False,
        "dht_enforce_node_id": False,
        "dht_ignore_dark_internet": False,
        "dht_block_ratelimit": 1_000_000,
        "dht_upload_rate_limit": 10_000_000,
        "aio_threads": 1,
        "hashing_threads": 1,
    })


def join(sessions, addresses):
    """Introduces each to some others, spread over all, and waits until all know enough of them."""
    ends = [(address, session.listen_port()) for address, session in zip(addresses, sessions)]
    for i, session in enumerate(sessions):
        for step in range(1, INTRODUCED + 1):
            session.add_dht_node(ends[(i + step * step) % len(ends)])
    known = min(KNOWN, len(sessions) - 1)
    while any(session.status().dht_nodes < known for session in sessions):
        time.sleep(0.1)


def announce(session, info_hash):
    """By a magnet link: session.dht_announce of the binding takes flags that Python cannot make."""
    params = lt.parse_magnet_uri(f"magnet:?xt=urn:btih:{info_hash}")
    params.save_path = "/nonexistent"
    params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    session.add_torrent(params).force_dht_announce()


def obey(sessions, words):
    command, session, rest = words[0], sessions[int(words[1])], words[2:]
    if command == "announce":
        announce(session, rest[0])
    elif command == "get-peers":
        session.dht_get_peers(sha1(rest[0]))
    elif command == "put":
        session.dht_put_immutable_item(rest[0])
    elif command == "get":
        session.dht_get_immutable_item(sha1(rest[0]))
    elif command == "put-mutable":
        private, public = bytes.fromhex(rest[0]), bytes.fromhex(rest[1])
        session.dht_put_mutable_item(private, public, rest[3], rest[2])
    elif command == "get-mutable":
        session.dht_get_mutable_item(bytes.fromhex(rest[0]), rest[1])
    else:
        sys.exit(f"no command {command}")


def sha1(text):
    return lt.sha1_hash(bytes.fromhex(text))


def report(alert):
    if isinstance(alert, lt.dht_get_peers_reply_alert):
        peers = [f"{ip}:{port}" for ip, port in alert.peers()]
        if peers:
            print("peers", alert.info_hash, *peers, flush=True)
    elif isinstance(alert, lt.dht_put_alert):
        if any(alert.public_key):
            print("put-mutable", bytes(alert.public_key).hex(), alert.num_success, flush=True)
        else:
            print("put", alert.target, alert.num_success, flush=True)
    elif isinstance(alert, lt.dht_immutable_item_alert):
        print("item", alert.target, text_of(alert.item), flush=True)
    elif isinstance(alert, lt.dht_mutable_item_alert):
        print("mutable", bytes(alert.key).hex(), alert.seq, text_of(alert.item), flush=True)


def text_of(item):
    value = item.get("value") if isinstance(item, dict) else item
    return value.decode() if isinstance(value, bytes) else "-"


def watch(sessions):
    while True:
        for session in sessions:
            for alert in session.pop_alerts():
                report(alert)
        time.sleep(0.01)


def main():
    # status() is the one way to learn how many nodes a session knows.
    warnings.simplefilter("ignore", DeprecationWarning)
    wanted = json.loads(sys.argv[1])
    count, choice = wanted["count"], wanted["addresses"]
    addresses = [choice[i % len(choice)] for i in range(count)]
    sessions = [open_session(address) for address in addresses]
    print("ready", *[session.listen_port() for session in sessions], flush=True)
    threading.Thread(target=watch, args=(sessions,), daemon=True).start()
    join(sessions, addresses)
    print("joined", flush=True)
    for line in sys.stdin:
        obey(sessions, line.split())
    # Taking 50 sessions down in order takes seconds.
    os._exit(0)


main()
