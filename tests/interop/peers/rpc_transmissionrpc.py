"""Drives a daemon with Debian's transmissionrpc: argv is the port, the .torrent and its hash."""

import sys
import time
import transmissionrpc

port, torrent_path, info_hash = int(sys.argv[1]), sys.argv[2], sys.argv[3]
client = transmissionrpc.Client("127.0.0.1", port=port)
added = client.add_torrent(f"file://{torrent_path}", paused=True)
assert added.hashString == info_hash, added.hashString
magnet = client.add_torrent("magnet:?xt=urn:btih:" + "01234567" * 5 + "&dn=magnet", paused=True)
assert sorted(t.name for t in client.get_torrents()) == ["magnet", "multi"]
torrent = client.get_torrent(added.id)
deadline = time.monotonic() + 30
while torrent.status == "checking" and time.monotonic() < deadline:  # what exists
    time.sleep(0.05)
    torrent = client.get_torrent(added.id)
assert torrent.status == "stopped", torrent.status
assert sorted(f["name"] for f in torrent.files().values()) == ["multi/a.bin", "multi/sub/b.txt"]
client.start_torrent(added.id)
assert client.get_torrent(info_hash).status != "stopped"
client.change_torrent(added.id, downloadLimit=77, downloadLimited=True)
limited = client.get_torrent(added.id)
assert limited.downloadLimit == 77 and limited.downloadLimited
files = client.get_files(added.id)
files[added.id][1]["selected"] = False
client.set_files(files)
assert [f["selected"] for f in client.get_files(added.id)[added.id].values()] == [True, False]
client.queue_bottom(added.id)
client.verify_torrent(added.id)
client.reannounce_torrent(added.id)
client.stop_torrent(added.id)
assert client.get_torrent(added.id).status in ("stopped", "checking", "check pending")
client.set_session(speed_limit_up=55, speed_limit_up_enabled=True)
session = client.get_session()
assert session.speed_limit_up == 55 and session.speed_limit_up_enabled
assert client.session_stats().torrentCount == 2
assert client.free_space(session.download_dir) > 0
client.remove_torrent([added.id, magnet.id], delete_data=True)
assert client.get_torrents() == []
print("done")
