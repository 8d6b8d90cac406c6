/** The trackers' code over real sockets of this machine, against servers good and bad. */
import { after, describe, it } from "node:test";
import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { gzipSync } from "node:zlib";
import { selectPlatform } from "../../src/platform/select.ts";
import type { Clock } from "../../src/platform/types.ts";
import { parseTrackerUrl } from "../../src/tracker/tracker_url.ts";
import {
  decodeUdpRequest,
  encodeAnnounceReply,
  encodeConnectReply,
  encodeErrorReply,
} from "../harness/udp_tracker_codec.ts";
import { TrackerError } from "../../src/util/errors.ts";
import { announceHttp } from "../../src/tracker/http_announcer.ts";
import { serveTracker } from "../../src/tracker/local_tracker.ts";
import { serveUdpTracker } from "../harness/local_udp_tracker.ts";
import { UdpAnnouncer } from "../../src/tracker/udp_announcer.ts";
import { SwarmMember } from "./swarm_member.ts";
import { announceRequest } from "./tracker_requests.ts";

const platform = selectPlatform();
const { clock, random, http, datagrams, net } = platform;
const closers: (() => unknown)[] = [];

after(async () => {
  for (const close of closers) await close();
});

describe("two members of a swarm on one machine", { timeout: 20_000 }, () => {
  it("find each other through a tracker over HTTP, with every event", async () => {
    const tracker = await serveTracker(platform, { port: 0 });
    closers.push(() => tracker.close());
    const one = new SwarmMember(platform, [[tracker.announceUrl]], { port: 1111 });
    const two = new SwarmMember(platform, [[tracker.announceUrl]], { port: 2222 });
    assert.deepEqual((await one.firstOutcome()).leechers, 1);
    await two.firstOutcome();
    assert.deepEqual([...two.peers], ["127.0.0.1:1111"]);
    one.left = 0;
    one.manager.completed();
    await one.until(() => one.outcomes.length > 1);
    assert.deepEqual([one.outcomes[1]!.seeders, one.outcomes[1]!.leechers], [1, 1]);
    await one.manager.stop(3000);
    await two.manager.stop(3000);
    assert.deepEqual([tracker.swarms.peers, tracker.stats.announces], [0, 5]);
  });

  it("find each other through a tracker over UDP", async () => {
    const tracker = await serveUdpTracker(platform, { port: 0 });
    closers.push(() => tracker.close());
    const one = new SwarmMember(platform, [[tracker.announceUrl]], { port: 1111 });
    const two = new SwarmMember(platform, [[tracker.announceUrl]], { port: 2222 });
    await one.firstOutcome();
    await two.firstOutcome();
    assert.deepEqual([...two.peers], ["127.0.0.1:1111"]);
    await one.manager.stop(3000);
    await two.manager.stop(3000);
    assert.equal(tracker.swarms.peers, 0);
  });

  it("are known over IPv4 and over IPv6 when the tracker has both", async () => {
    const four = await serveTracker(platform, { port: 0 });
    closers.push(() => four.close());
    const six = await serveTracker(platform, {
      port: four.port,
      address: "::1",
      swarms: four.swarms,
    });
    closers.push(() => six.close());
    const names = { "dual.test": ["127.0.0.1", "::1"] };
    const url = `http://dual.test:${four.port}/announce`;
    const one = new SwarmMember(platform, [[url]], { port: 1111, names });
    await one.firstOutcome();
    const both = ["127.0.0.1:1111", "[::1]:1111"];
    const two = new SwarmMember(platform, [[url]], { port: 2222, names });
    two.manager.start();
    // The second family of `one` may still be on its way: ask until both are there.
    await two.until(() => two.outcomes.length > 0);
    while (four.swarms.peers < 4) await new Promise((resolve) => setTimeout(resolve, 5));
    const three = new SwarmMember(platform, [[url]], { port: 3333, names });
    three.manager.start();
    await three.until(() => both.every((peer) => three.peers.has(peer)));
    for (const member of [one, two, three]) await member.manager.stop(3000);
    assert.equal(four.swarms.peers, 0);
  });
});

type Handler = (request: Request) => Response | Promise<Response>;

async function serve(handler: Handler): Promise<string> {
  const server = await http.serve({ port: 0 }, handler);
  closers.push(() => server.close());
  return `http://127.0.0.1:${server.port}/announce`;
}

async function announce(url: string, timeoutMs = 5000) {
  const ports = { clock, http, lookup: net.lookup };
  const options = { timeoutMs, signal: new AbortController().signal };
  return await announceHttp(ports, parseTrackerUrl(url), "127.0.0.1", announceRequest(), options);
}

async function failure(started: Promise<unknown>): Promise<TrackerError> {
  try {
    await started;
  } catch (error) {
    assert.ok(error instanceof TrackerError, String(error));
    return error;
  }
  assert.fail("nothing was thrown");
}

const GOOD = "d8:intervali900e5:peers6:abcdefe";

describe("announceHttp over loopback", { timeout: 20_000 }, () => {
  it("reads plain and gzipped answers", async () => {
    const plain = await serve(() => new Response(GOOD));
    assert.equal((await announce(plain)).peers[0]!.address, "97.98.99.100");
    const packed = await serve(() => {
      return new Response(new Uint8Array(gzipSync(GOOD)), {
        headers: { "content-encoding": "gzip" },
      });
    });
    assert.equal((await announce(packed)).interval, 900);
  });

  it("sends the info-hash byte by byte through the whole stack", async () => {
    let search = "";
    const url = await serve((request) => {
      search = new URL(request.url).search;
      return new Response(GOOD);
    });
    await announce(`${url}?pk=%aB`);
    assert.match(search, /^\?pk=%aB&info_hash=%FF%FE%FD%FC%FB%FA%F9%F8%F7%F6%F5%F4%F3/);
  });

  it("sends the host's name though it connects to the pinned address", async () => {
    let host: string | null = null;
    const url = await serve((request) => {
      host = request.headers.get("host");
      return new Response(GOOD);
    });
    await announce(url.replace("127.0.0.1", "no-such-name.test"));
    assert.match(host!, /^no-such-name\.test:\d+$/);
  });

  it("returns failure reason and retry in", async () => {
    const url = await serve(() =>
      new Response("d14:failure reason4:nope8:retry in5:nevere", { status: 403 })
    );
    const error = await failure(announce(url));
    assert.deepEqual([error.code, error.message, error.retryInMs], ["failure", "nope", Infinity]);
  });

  it("fails on errors, nonsense and a closed port", async () => {
    const broken = await failure(announce(await serve(() => new Response("x", { status: 500 }))));
    assert.match(broken.message, /HTTP status 500/);
    const html = await failure(announce(await serve(() => new Response("<html></html>"))));
    assert.equal(html.code, "bad-response");
    const server = await http.serve({ port: 0 }, () => new Response());
    await server.close();
    const closed = await failure(announce(`http://127.0.0.1:${server.port}/announce`));
    assert.equal(closed.code, "net");
  });

  it("fails on answers that are too large, even compressed ones", async () => {
    const huge = await serve(() => new Response(new Uint8Array(1024 * 1024)));
    assert.equal((await failure(announce(huge))).code, "bad-response");
    const bomb = new Uint8Array(gzipSync(new Uint8Array(64 * 1024 * 1024)));
    const packed = await serve(() => {
      return new Response(bomb, { headers: { "content-encoding": "gzip" } });
    });
    assert.equal((await failure(announce(packed))).code, "bad-response");
  });

  it("fails on a redirect loop and on one to another service of this machine", async () => {
    let asked = 0;
    const loop = await serve(() => {
      asked++;
      return new Response(null, { status: 302, headers: { location: "/announce/again" } });
    });
    assert.match((await failure(announce(loop))).message, /redirects over 5 times/);
    assert.equal(asked, 6);
    let reached = false;
    const target = await serve(() => {
      reached = true;
      return new Response(GOOD);
    });
    const location = target.replace("/announce", "/admin/delete");
    const url = await serve(() => new Response(null, { status: 302, headers: { location } }));
    assert.equal((await failure(announce(url))).code, "refused-url");
    assert.equal(reached, false);
  });

  it("follows a redirect", async () => {
    const location = await serve(() => new Response(GOOD));
    const url = await serve(() => new Response(null, { status: 301, headers: { location } }));
    assert.equal((await announce(url)).interval, 900);
  });

  it("times out on a tracker that is slow or silent", async () => {
    const silent = await listen(() => {});
    const started = clock.now();
    assert.equal((await failure(announce(silent, 200))).code, "timeout");
    const dripping = await listen((write) => {
      write("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n");
      const timer = setInterval(() => write("d"), 20);
      return () => clearInterval(timer);
    });
    assert.equal((await failure(announce(dripping, 300))).code, "timeout");
    assert.ok(clock.now() - started < 5000);
  });
});

/** A TCP server below HTTP: `onConnection` may write, and returns what ends it. */
async function listen(
  onConnection: (write: (text: string) => void) => (() => void) | void,
): Promise<string> {
  const server: Server = createServer((socket) => {
    socket.on("error", () => {});
    socket.resume();
    const end = onConnection((text) => socket.write(text));
    socket.on("close", () => end?.());
    closers.push(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as { port: number }).port}/announce`;
}

/** The real clock with timers that run two hundred times as fast. */
const hasty: Clock = {
  now: () => clock.now(),
  wallTime: () => clock.wallTime(),
  utcOffset: (wallTime) => clock.utcOffset(wallTime),
  after: (delayMs, fn) => clock.after(delayMs / 200, fn),
};

describe("UdpAnnouncer over loopback", { timeout: 20_000 }, () => {
  type Reply = (bytes: Uint8Array) => void;

  async function udpServer(onPacket: (bytes: Uint8Array, reply: Reply, from: number) => void) {
    const socket = await datagrams.bind(
      { port: 0, family: 4, address: "127.0.0.1" },
      (bytes, address, port) => onPacket(bytes, (out) => socket.send(out, address, port), port),
    );
    closers.push(() => socket.close());
    return { address: "127.0.0.1", port: socket.port };
  }

  function announcer(): UdpAnnouncer {
    const made = new UdpAnnouncer({ clock: hasty, random, datagrams });
    closers.push(() => made.close());
    return made;
  }

  const options = () => ({ tries: 4, signal: new AbortController().signal });
  const ID = new Uint8Array(8).fill(7);
  const PEER = { address: "1.2.3.4", port: 5 };

  function answer(bytes: Uint8Array, reply: Reply): void {
    const { kind, transactionId } = decodeUdpRequest(bytes);
    const counts = { interval: 900, leechers: 1, seeders: 2 };
    if (kind === "connect") reply(encodeConnectReply(transactionId, ID));
    else reply(encodeAnnounceReply(transactionId, { ...counts, peers: [PEER] }));
  }

  it("gets through when every packet is lost once", async () => {
    const seen = new Set<string>();
    let lost = 0;
    const tracker = await udpServer((bytes, reply) => {
      const { kind } = decodeUdpRequest(bytes);
      if (seen.has(kind)) return answer(bytes, reply);
      seen.add(kind);
      lost++;
    });
    const found = await announcer().announce(tracker, announceRequest(), "", options());
    assert.deepEqual(found.peers, [PEER]);
    assert.equal(lost, 2);
  });

  it("believes only the tracker's own address, port and transaction id", async () => {
    const evilId = new Uint8Array(8).fill(0xee);
    const elsewhere = await datagrams.bind({ port: 0, family: 4, address: "127.0.0.1" }, () => {});
    closers.push(() => elsewhere.close());
    const ids: Uint8Array[] = [];
    const tracker = await udpServer((bytes, reply, from) => {
      const request = decodeUdpRequest(bytes);
      if (request.kind === "connect") {
        elsewhere.send(encodeConnectReply(request.transactionId, evilId), "127.0.0.1", from);
        reply(encodeConnectReply(request.transactionId ^ 0x80000000, evilId));
        // Loopback may reorder between sockets: the honest answer goes last and later.
        setTimeout(() => answer(bytes.slice(), reply), 30);
        return;
      }
      ids.push(request.connectionId);
      answer(bytes, reply);
    });
    const udp = new UdpAnnouncer({ clock, random, datagrams });
    closers.push(() => udp.close());
    await udp.announce(tracker, announceRequest(), "", options());
    assert.deepEqual(ids, [ID]);
    assert.equal(udp.ignored, 2);
  });

  it("returns the tracker's message of an error packet", async () => {
    const tracker = await udpServer((bytes, reply) => {
      reply(encodeErrorReply(decodeUdpRequest(bytes).transactionId, "go away"));
    });
    const started = announcer().announce(tracker, announceRequest(), "", options());
    assert.deepEqual((await failure(started)).message, "go away");
  });

  it("times out if no tracker listens", async () => {
    const socket = await datagrams.bind({ port: 0, family: 4, address: "127.0.0.1" }, () => {});
    const nobody = { address: "127.0.0.1", port: socket.port };
    socket.close();
    const started = announcer().announce(nobody, announceRequest(), "", { ...options(), tries: 2 });
    assert.equal((await failure(started)).code, "timeout");
  });
});

describe("several announces at once", { timeout: 20_000 }, () => {
  it("do not delay one another: dead trackers beside live ones, thirty torrents", async () => {
    const dead = await listen(() => {});
    const tracker = await serveTracker(platform, { port: 0 });
    closers.push(() => tracker.close());
    const members = Array.from({ length: 30 }, (_, i) => {
      const own = i % 2 === 0 ? [[dead]] : [[tracker.announceUrl], [dead]];
      const infoHash = new Uint8Array(20).fill(i);
      return new SwarmMember(platform, own, { port: 3000 + i, infoHash });
    });
    for (const member of members) member.manager.start();
    const live = members.filter((_, i) => i % 2 === 1);
    const started = clock.now();
    await Promise.all(live.map((member) => member.until(() => member.outcomes.length > 0)));
    assert.ok(clock.now() - started < 20_000);
    assert.equal(tracker.swarms.torrents, 15);

    const stopping = clock.now();
    await Promise.all(members.map((member) => member.manager.stop(2000)));
    assert.ok(clock.now() - stopping < 15_000, "stop keeps to its time");
    assert.equal(tracker.swarms.torrents, 0);
  });

  it("stop ends in time though the tracker no longer answers", async () => {
    let answering = true;
    const url = await serve(() => answering ? new Response(GOOD) : new Promise(() => {}));
    const member = new SwarmMember(platform, [[url]], { port: 1111 });
    await member.firstOutcome();
    answering = false;
    const started = clock.now();
    await member.manager.stop(300);
    const took = clock.now() - started;
    assert.ok(took >= 250 && took < 15_000, `${took} ms`);
  });
});
