"""Makes a .torrent with libtorrent (v1 only) and writes it without its creation date.

Usage: lt_create.py '{"path": PATH, "out": PATH, "pieceLength": BYTES, "pad": BOOL, ...}'
Without padding the files are added in the order of "files" ([[path below the parent, size]]), since
libtorrent then keeps the order in which it is given them; with it libtorrent puts them in order.
Optional: "announce" (tiers), "webSeeds", "private", "comment", "createdBy".
"""

import json
import os
import sys

import libtorrent as lt


def main():
    wanted = json.loads(sys.argv[1])
    storage = lt.file_storage()
    flags = lt.create_torrent.v1_only
    if wanted["pad"]:
        flags |= lt.create_torrent.canonical_files
        lt.add_files(storage, wanted["path"])
    else:
        for path, size in wanted["files"]:
            storage.add_file(path, size)
    torrent = lt.create_torrent(storage, wanted["pieceLength"], flags)
    for tier, urls in enumerate(wanted.get("announce", [])):
        for url in urls:
            torrent.add_tracker(url, tier)
    for url in wanted.get("webSeeds", []):
        torrent.add_url_seed(url)
    torrent.set_priv(wanted.get("private", False))
    if wanted.get("comment"):
        torrent.set_comment(wanted["comment"])
    if wanted.get("createdBy"):
        torrent.set_creator(wanted["createdBy"])
    lt.set_piece_hashes(torrent, os.path.dirname(wanted["path"]))
    made = torrent.generate()
    del made[b"creation date"]
    with open(wanted["out"], "wb") as out:
        out.write(lt.bencode(made))


main()
