"""How long from the command to the first byte, in a swarm as they are: of 200 addresses 170 swallow
every packet, and of three trackers two are silent. Each client in turn. libtorrent asks one tier of
trackers after the other by default; qBittorrent has it ask all tiers at once.

    /usr/bin/python3 scripts/bench/reach.py [runs]

Needs root (a network namespace of its own), iproute2 and libtorrent's Python binding.
"""
import hashlib, json, os, random, shutil, socket, struct, subprocess, sys, tempfile, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BIN = f"{ROOT}/node_modules/.bin"
DEAD, ALIVE, PIECE, SIZE = 170, 30, 65536, 4 << 20
SETUP = """
ip link set lo up
ip link add v0 type veth peer name v1
ip link set v0 arp off
ip link set v1 up
ip addr add 10.77.0.1/16 dev v0
ip link set v0 up
""" + "".join(f"ip addr add 10.77.200.{i + 1}/32 dev lo\n" for i in range(ALIVE))
SEED = """
import libtorrent as lt, sys, time
s = lt.session({'listen_interfaces': sys.argv[3], 'enable_dht': False, 'enable_lsd': False,
  'enable_upnp': False, 'enable_natpmp': False, 'enable_outgoing_utp': False, 'enable_incoming_utp': False,
  'allow_multiple_connections_per_ip': True})
h = s.add_torrent({'ti': lt.torrent_info(sys.argv[1]), 'save_path': sys.argv[2], 'flags': lt.torrent_flags.seed_mode})
print('up', flush=True)
while h.status().total_payload_upload == 0: time.sleep(0.005)
print(time.time(), flush=True)
time.sleep(60)
"""
LEECH = """
import libtorrent as lt, sys, time
s = lt.session({'enable_dht': False, 'enable_lsd': False, 'enable_upnp': False, 'enable_natpmp': False,
  'enable_outgoing_utp': False, 'enable_incoming_utp': False, 'listen_interfaces': '0.0.0.0:0',
  'announce_to_all_tiers': sys.argv[3] == 'all', 'announce_to_all_trackers': sys.argv[3] == 'all'})
h = s.add_torrent({'ti': lt.torrent_info(sys.argv[1]), 'save_path': sys.argv[2]})
while not h.status().is_seeding: time.sleep(0.01)
"""


def bencode(x):
    if isinstance(x, int): return b"i%de" % x
    if isinstance(x, str): x = x.encode()
    if isinstance(x, bytes): return b"%d:" % len(x) + x
    if isinstance(x, list): return b"l" + b"".join(map(bencode, x)) + b"e"
    return b"d" + b"".join(bencode(k) + bencode(x[k]) for k in sorted(x)) + b"e"


def tracker(answer):
    """An HTTP tracker that answers with these bytes, or takes connections and stays silent."""
    server = socket.create_server(("127.0.0.1", 0), backlog=50)
    kept = []

    def one(client):
        request = b""
        while b"\r\n\r\n" not in request:
            more = client.recv(4096)
            if not more: return
            request += more
        if answer is None: return
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(answer) + answer)
        client.close()

    def run():
        while True:
            client, _ = server.accept()
            kept.append(client)
            threading.Thread(target=one, args=(client,), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()
    return f"http://127.0.0.1:{server.getsockname()[1]}/announce"


def swarm(work, seed):
    body = hashlib.shake_128(b"reach").digest(SIZE)
    info = {"name": "f.bin", "piece length": PIECE, "length": SIZE,
            "pieces": b"".join(hashlib.sha1(body[i:i + PIECE]).digest() for i in range(0, SIZE, PIECE))}
    peers = [f"10.77.{1 + i // 100}.{1 + i % 100}" for i in range(DEAD)] + [f"10.77.200.{i + 1}" for i in range(ALIVE)]
    random.Random(seed).shuffle(peers)
    compact = b"".join(socket.inet_aton(peer) + struct.pack(">H", 6881) for peer in peers)
    good = tracker(bencode({"interval": 1800, "peers": compact}))
    tiers = [[tracker(None)], [tracker(None)], [good]]
    path = f"{work}/reach.torrent"
    with open(path, "wb") as f: f.write(bencode({"announce": tiers[0][0], "announce-list": tiers, "info": info}))
    os.makedirs(f"{work}/seed", exist_ok=True)
    with open(f"{work}/seed/f.bin", "wb") as f: f.write(body)
    return path


def clients(torrent, out):
    shoal = ["download", torrent, "-o", out, "--no-dht", "--no-lsd", "--no-state", "--quiet"]
    return {
        "libtorrent": [sys.executable, "-c", LEECH, torrent, out, "one"],
        "libtorrent, all tiers": [sys.executable, "-c", LEECH, torrent, out, "all"],
        "shoal, Deno": [f"{BIN}/deno", "run", "-A", "--no-check", "--config", f"{ROOT}/deno.json", f"{ROOT}/mod.ts", *shoal],
        "shoal, Bun": [f"{BIN}/bun", f"{ROOT}/mod.ts", *shoal],
    }


def first_byte(work, torrent, command, out):
    """Seconds from the command to the first byte that a seed uploaded."""
    interfaces = ",".join(f"10.77.200.{i + 1}:6881" for i in range(ALIVE))
    seed = subprocess.Popen([sys.executable, "-c", SEED, torrent, f"{work}/seed", interfaces], stdout=subprocess.PIPE, text=True)
    seed.stdout.readline()
    time.sleep(0.5)
    os.makedirs(out)
    began = time.time()
    client = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        try: client.wait(120)
        except subprocess.TimeoutExpired: return float("inf")
        return float(seed.stdout.readline()) - began
    finally:
        for process in (client, seed):
            process.kill()
            process.wait()
        shutil.rmtree(out)


def main(runs):
    work = tempfile.mkdtemp(prefix="reach-")
    try:
        times = {}
        for run in range(runs):
            torrent, out = swarm(work, run), f"{work}/out"
            for name, command in clients(torrent, out).items():
                times.setdefault(name, []).append(first_byte(work, torrent, command, out))
        for name, all_ in times.items():
            print(f"{name:21} median {sorted(all_)[len(all_) // 2]:.2f} s of {[round(t, 2) for t in all_]}")
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    if "--inside" not in sys.argv:
        runs = sys.argv[1] if len(sys.argv) > 1 else "3"
        os.execvp("unshare", ["unshare", "-n", sys.executable, os.path.abspath(__file__), runs, "--inside"])
    subprocess.run(["sh", "-ec", SETUP], check=True)
    main(int(sys.argv[1]))
