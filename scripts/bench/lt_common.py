"""Settings that make libtorrent 2.0.8 as fast as it gets on loopback, for both ends."""

import sys
from pathlib import Path

import libtorrent as lt

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from lt_alerts import alerts  # noqa: E402

__all__ = ["alerts", "fast_session"]


def fast_session(listen="127.0.0.1:0", threads=4, open_files=500):
    return lt.session({
        "listen_interfaces": listen,
        "alert_mask": lt.alert.category_t.status_notification
        | lt.alert.category_t.error_notification
        | lt.alert.category_t.storage_notification,
        # Nothing but the transfer itself.
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_outgoing_utp": False,
        "enable_incoming_utp": False,
        "out_enc_policy": 2,
        # aria2 shakes hands encrypted first; refused, it would wait a second. Data stays plain.
        "in_enc_policy": 1,
        "allowed_enc_level": 1,
        # Many peers of one address, none held back.
        "allow_multiple_connections_per_ip": True,
        "connections_limit": 2000,
        "unchoke_slots_limit": -1,
        "connection_speed": 500,
        "torrent_connect_boost": 255,
        "mixed_mode_algorithm": 0,
        # Deep queues and large buffers.
        "max_out_request_queue": 5000,
        "max_allowed_in_request_queue": 10000,
        "request_queue_time": 5,
        "send_buffer_watermark": 8 * 1024 * 1024,
        "send_buffer_low_watermark": 512 * 1024,
        "send_buffer_watermark_factor": 200,
        "send_socket_buffer_size": 1024 * 1024,
        "recv_socket_buffer_size": 1024 * 1024,
        "max_queued_disk_bytes": 128 * 1024 * 1024,
        "aio_threads": threads,
        "hashing_threads": 2,
        "file_pool_size": open_files,
    })
