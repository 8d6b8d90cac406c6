"""Asks a DHT node on this machine, from many addresses or from one that floods.

Usage: dht_asker.py '{"port": PORT, "seconds": S, "addresses": N, "window": N}'
       dht_asker.py '{"port": PORT, "seconds": S, "addresses": N, "rate": PER_SECOND}'
       dht_asker.py '{"port": PORT, "seconds": S, "flood": IP, "rate": PER_SECOND OR 0}'
With "window" so many pings are always under way, with "rate" they go out in time with the clock;
each comes from the next of `addresses` addresses from 127.1.0.0 on and has its node id. Prints
{"sent", "answered", "seconds", "median", "p99"}, the last two in milliseconds from ping to answer.
A flood with rate 0 goes out as fast as this process can send; its answers are only counted. Linux
alone, where any of 127.0.0.0/8 may be put on a datagram.
"""

import hashlib
import json
import select
import socket
import struct
import sys
import time

# A ping without an answer for so long is given up.
LOST_AFTER = 0.5
# Answers taken, or pings sent, before the other side has its turn.
BATCH = 64
# Of Linux; older Pythons do not know it.
IP_PKTINFO = 8


def ping_head(name):
    return b"d1:ad2:id20:" + hashlib.sha1(name.encode()).digest() + b"e1:q4:ping1:t4:"


PING_TAIL = b"1:y1:qe"


def from_address(index):
    """Ancillary data that puts an address of our choice on a datagram."""
    source = socket.inet_aton(f"127.1.{index >> 8}.{index & 255}")
    return [(socket.IPPROTO_IP, IP_PKTINFO, struct.pack("=I", 0) + source + bytes(4))]


class Asker:
    def __init__(self, port, addresses):
        self.to = ("127.0.0.1", port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.setblocking(False)
        self.sources = [(ping_head(str(n)), from_address(n)) for n in range(addresses)]
        self.sent_at = []
        self.times = []
        self.waiting = set()

    def send(self):
        index = len(self.sent_at)
        head, ancillary = self.sources[index % len(self.sources)]
        ping = head + struct.pack(">I", index) + PING_TAIL
        try:
            self.socket.sendmsg([ping], ancillary, 0, self.to)
        except BlockingIOError:
            return
        self.sent_at.append(time.perf_counter())
        self.waiting.add(index)

    def take_answers(self):
        for _ in range(BATCH):
            try:
                answer = self.socket.recv(2048)
            except BlockingIOError:
                return
            at = answer.rfind(b"1:t4:")
            if at < 0 or not answer.endswith(b"1:y1:re"):
                continue
            index = struct.unpack_from(">I", answer, at + 5)[0]
            if index in self.waiting:
                self.waiting.remove(index)
                self.times.append(time.perf_counter() - self.sent_at[index])

    def give_up(self):
        limit = time.perf_counter() - LOST_AFTER
        self.waiting = {index for index in self.waiting if self.sent_at[index] > limit}

    def run(self, seconds, due):
        """`due`: how many pings are to be sent now, given the seconds since the start."""
        start = time.perf_counter()
        check_at = LOST_AFTER
        while (elapsed := time.perf_counter() - start) < seconds:
            for _ in range(min(BATCH, due(elapsed))):
                self.send()
            select.select([self.socket], [], [], 0.001)
            self.take_answers()
            if elapsed > check_at:
                self.give_up()
                check_at = elapsed + LOST_AFTER / 2
        # What is under way still counts.
        while self.waiting and time.perf_counter() - start < seconds + LOST_AFTER:
            select.select([self.socket], [], [], 0.01)
            self.take_answers()
        times = sorted(self.times) or [float("nan")]
        return {
            "sent": len(self.sent_at),
            "answered": len(self.times),
            "seconds": seconds,
            "median": 1000 * times[len(times) // 2],
            "p99": 1000 * times[len(times) * 99 // 100],
        }


def flood(port, address, seconds, rate):
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    line.bind((address, 0))
    line.connect(("127.0.0.1", port))
    line.setblocking(False)
    ping = ping_head(address) + b"aaaa" + PING_TAIL
    sent, answered, start = 0, 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        if rate > 0 and sent >= elapsed * rate:
            time.sleep(0.001)
        try:
            for _ in range(min(BATCH, int(elapsed * rate) - sent) if rate > 0 else BATCH):
                line.send(ping)
                sent += 1
            while True:
                line.recv(2048)
                answered += 1
        except OSError:
            # No room, or nothing to read.
            pass
    return {"sent": sent, "answered": answered, "seconds": seconds}


def main():
    wanted = json.loads(sys.argv[1])
    port, seconds = wanted["port"], wanted["seconds"]
    if "flood" in wanted:
        result = flood(port, wanted["flood"], seconds, wanted["rate"])
    else:
        asker = Asker(port, wanted["addresses"])
        if "window" in wanted:
            result = asker.run(seconds, lambda _: wanted["window"] - len(asker.waiting))
        else:
            result = asker.run(
                seconds, lambda elapsed: int(elapsed * wanted["rate"]) - len(asker.sent_at)
            )
    print(json.dumps(result))


main()
