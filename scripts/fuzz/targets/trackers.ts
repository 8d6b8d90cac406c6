/** What trackers answer, over UDP and HTTP. */
import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { inflateBody } from "../../../src/platform/shared/inflate_body.ts";
import { isPrivateOrLocal } from "../../../src/util/compact_address.ts";
import { type Encodable, encode } from "../../../src/bencode/bencode_encode.ts";
import { MAX_TRACKER_BODY } from "../../../src/tracker/tracker_http.ts";
import {
  encodeAnnounceReply,
  encodeConnectReply,
} from "../../../tests/harness/udp_tracker_codec.ts";
import { MAX_REDIRECTS, parseTrackerUrl } from "../../../src/tracker/tracker_url.ts";
import { announceHttp } from "../../../src/tracker/http_announcer.ts";
import { UdpAnnouncer } from "../../../src/tracker/udp_announcer.ts";
import { HandRandom } from "../../../tests/harness/random.ts";
import {
  FakeClock,
  FakeDatagrams,
  FakeHttp,
  settle,
} from "../../../tests/tracker/tracker_fakes.ts";
import { announceRequest } from "../../../tests/tracker/tracker_requests.ts";
import { EventReader } from "../event_reader.ts";
import { about, check, type FuzzTarget, machine } from "../target.ts";

const HERE = { address: "10.0.0.1", port: 6969 };

async function udp(events: EventReader): Promise<string> {
  const clock = new FakeClock(), datagrams = new FakeDatagrams(), outcomes: string[] = [];
  const announcer = new UdpAnnouncer({ clock, datagrams, random: new HandRandom("udp") });
  const { signal } = new AbortController();
  let begun = 0;
  while (events.more) {
    const kind = events.below(6), sent = events.pickOf(datagrams.sent.slice(-4));
    if (kind === 0 && begun < 6) {
      begun++;
      announcer.announce(HERE, announceRequest(), "/a", { tries: 1 + events.below(3), signal })
        .then(
          ({ peers }) => outcomes.push(`${about(peers.length)} peers`),
          (error) => outcomes.push(error.code ?? String(error)),
        );
    } else if (kind === 1) await clock.pass(events.stepMs() / 1000);
    else if (sent !== undefined) hearReply(datagrams, sent.bytes, kind, events);
    await settle();
  }
  announcer.close();
  await settle();
  check(outcomes.length === begun, "every announce comes to its end");
  check(clock.pending === 0, "no timer stays behind");
  check(datagrams.open === 0, "no socket stays open");
  const words = ["net", "timeout", "failure", "bad-response"];
  for (const outcome of outcomes) {
    check(
      words.includes(outcome) || outcome.endsWith("peers"),
      `an announce ended with ${outcome}`,
    );
  }
  return outcomes.sort().join();
}

/** The next packet is answered so: rightly, damaged, with any bytes, or from elsewhere. */
function hearReply(
  datagrams: FakeDatagrams,
  last: Uint8Array,
  kind: number,
  events: EventReader,
): void {
  datagrams.hosts.set("10.0.0.1:6969", (bytes, reply) => {
    const id = new DataView(bytes.buffer, bytes.byteOffset).getUint32(12);
    const isConnect = bytes.length === 16;
    const peers = [{ address: "9.8.7.6", port: 5 }];
    const counts = { interval: 9, seeders: 1, leechers: 2, peers };
    let answer: Uint8Array = isConnect
      ? encodeConnectReply(id, new Uint8Array(8))
      : encodeAnnounceReply(id, counts);
    if (kind === 3) answer[events.below(answer.length)] = events.byte();
    if (kind === 4) answer = answer.slice(0, events.below(answer.length + 1));
    if (kind === 5) answer = new Uint8Array([...answer.slice(0, 8), ...events.take(40)]);
    const elsewhere = events.below(8) === 1 ? { address: "10.0.0.2", port: 6969 } : undefined;
    reply(answer, elsewhere);
  });
  check(last.length <= 2048, "a packet is small");
}

const NAMES = [
  "tracker.test",
  "8.8.8.8",
  "inside.test",
  "10.1.1.1",
  "127.0.0.1",
  "[::1]",
  "x.test",
];
const STATUSES = [200, 200, 200, 302, 301, 307, 404, 500, 0, 999];
const ADDRESSES: Record<string, string[]> = {
  "tracker.test": ["8.8.8.8"],
  "inside.test": ["192.168.1.1"],
  "x.test": ["9.9.9.9", "2001:db8::1"],
};

async function http(events: EventReader): Promise<string> {
  const asked: string[] = [];
  const server = new FakeHttp((request) => {
    check(request.maxBytes === MAX_TRACKER_BODY, "an answer is bounded");
    const { address } = request;
    check(
      address !== undefined && !isPrivateOrLocal(address),
      "no request goes to our own network",
    );
    asked.push(request.url);
    const status = events.pick(STATUSES), headers: Record<string, string> = {};
    if (status < 400 && status > 300) headers["location"] = location(events);
    if (status > 400) headers["retry-after"] = String(events.byte() - 3);
    const body = events.below(4) === 0 ? events.take(events.below(300)) : bodyOf(events);
    return { status, headers, body };
  });
  const lookup = (host: string) => Promise.resolve(ADDRESSES[host] ?? [host.replace(/[[\]]/g, "")]);
  const ports = { clock: new FakeClock(), http: server, lookup };
  const url = parseTrackerUrl("http://user:pw@tracker.test/announce?x=y");
  const options = { timeoutMs: 30_000, signal: new AbortController().signal };
  try {
    const answer = await announceHttp(ports, url, "8.8.8.8", announceRequest(), options);
    return `${about(answer.peers.length)} peers, ${asked.length} requests`;
  } finally {
    check(asked.length <= MAX_REDIRECTS + 1, "redirects are bounded");
  }
}

/** Mostly sound, with a byte or two of it changed. */
function bodyOf(events: EventReader): Uint8Array {
  const body = encode(events.pick<Encodable>([
    { interval: 1800, peers: new Uint8Array(12).fill(9), complete: 1, incomplete: 2 },
    { "interval": 60, "min interval": 5, "peers6": new Uint8Array(18).fill(3), "tracker id": "x" },
    { peers: [{ "ip": "9.9.9.9", "port": 5, "peer id": new Uint8Array(20) }] },
    { "failure reason": "go away", "retry in": "never" },
  ]));
  for (let i = events.below(3); i > 0; i--) body[events.below(body.length)] = events.byte();
  return body;
}

function location(events: EventReader): string {
  const kind = events.below(4),
    tail = new TextDecoder("latin1").decode(events.take(events.below(40)));
  if (kind === 0) return tail;
  const host = events.pick(NAMES), port = events.pick(["", ":80", ":22", ":99999"]);
  return `${events.pick(["http", "https", "udp", "HTTP", "file"])}://${host}${port}/${tail}`;
}

async function inflate(bytes: Uint8Array): Promise<string> {
  const encoding = ["gzip", "deflate", "x-gzip", "br"][(bytes[0] ?? 0) % 4]!;
  const out = await inflateBody(bytes.subarray(1), encoding, {
    maxBytes: 5000,
    doing: "Cannot get it",
    lenient: (bytes[0]! & 128) > 0,
  });
  check(out.length <= 5000, "what comes out is bounded");
  return `${encoding} ${about(out.length)}`;
}

/** An answer in each packing, behind the byte that selects the encoding. */
const ANSWER = new TextEncoder().encode("d8:intervali1800e5:peers12:abcdefabcdefe");
const PACKED = [
  [0, gzipSync(ANSWER)],
  [1, deflateSync(ANSWER)],
  [1, deflateRawSync(ANSWER)],
].map(([encoding, bytes]) => Uint8Array.from([encoding as number, ...bytes as Uint8Array]));

export function trackerTargets(): FuzzTarget[] {
  return [
    machine("udp-announcer", (bytes) => udp(new EventReader(bytes)), 120),
    machine("http-announcer", (bytes) => http(new EventReader(bytes)), 400),
    { name: "inflate-body", seeds: PACKED, maxBytes: 4000, run: inflate },
  ];
}
