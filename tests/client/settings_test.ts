import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  checkAddOptions,
  checkClientOptions,
  checkSource,
  checkTorrentPatch,
} from "../../src/client/settings.ts";
import { Client } from "../../src/client/client.ts";
import type { AddOptions, ClientOptions, TorrentPatch } from "../../src/client/types.ts";
import { SimWorld } from "../harness/sim/world.ts";
import { createCrc32c } from "../../src/util/crc32c.ts";
import { makeSimTorrent } from "../harness/sim_swarm.ts";

const RATE = "bytes a second from 0, or Infinity for no limit";
const BYTES = "bytes from 0, or Infinity for no limit";

/** Of other types than declared, too: not everybody has the types. */
type Wrong = [options: unknown, message: string];

const CLIENT: Wrong[] = [
  [{ maxConnections: 0 }, "maxConnections is 0: it must be a whole number from 1"],
  [{ maxConnections: NaN }, "maxConnections is NaN: it must be a whole number from 1"],
  [{ maxConnections: Infinity }, "maxConnections is Infinity: it must be a whole number from 1"],
  [{ port: 65_536 }, "port is 65536: it must be a whole number from -1 to 65535"],
  [{ port: "6881" }, 'port is "6881": it must be a whole number from -1 to 65535'],
  [{ maxOpenFiles: 1.5 }, "maxOpenFiles is 1.5: it must be a whole number from 1"],
  [{ limits: { up: -1 } }, `limits.up is -1: it must be ${RATE}`],
  [{ limits: { down: null } }, `limits.down is null: it must be ${RATE}`],
  [{ saveEveryMs: -1 }, "saveEveryMs is -1: it must be a number from 0"],
  [{ readCacheBytes: NaN }, `readCacheBytes is NaN: it must be ${BYTES}`],
  [
    { quota: { period: "week", up: 5 } },
    'quota.period is "week": it must be "day" or "month"',
  ],
  [{ dht: { bootstrap: ["x"] } }, 'dht.bootstrap is "x": it must be host:port or [v6]:port'],
  [
    { queue: { downloads: -1 } },
    "queue.downloads is -1: it must be a whole number from 0, or Infinity",
  ],
  [{ minFreeSpace: -1 }, `minFreeSpace is -1: it must be ${BYTES}`],
  [{ extraTrackers: ["x"] }, `extraTrackers is "x": it must be the URL of a tracker`],
  [
    { alternative: { schedule: [{ days: [7], from: "08:00", to: "10:00" }] } },
    "alternative.schedule.days is 7: it must be a day from 0 (Sunday) to 6 (Saturday)",
  ],
  [
    { alternative: { schedule: [{ days: [1], from: "8", to: "10:00" }] } },
    'alternative.schedule.from is "8": it must be a time such as "22:30"',
  ],
  [{ labels: { "": {} } }, 'labels is "": it must be a label of 1 to 100 characters'],
  [{ labels: { tv: { limits: { up: -1 } } } }, `labels.tv.limits.up is -1: it must be ${RATE}`],
  [{ quota: { period: "day", down: -5 } }, `quota.down is -5: it must be ${BYTES}`],
];

const PEER = "host:port or [v6]:port";
const TRACKER = "the URL of a tracker (http, https, udp, ws or wss)";

const ADD: Wrong[] = [
  [{ peers: ["10.0.0.1"] }, `peers is "10.0.0.1": it must be ${PEER}`],
  [{ trackers: [["ftp://x"]] }, `trackers is "ftp://x": it must be ${TRACKER}`],
  [{ trackers: { add: ["x"] } }, `trackers.add is "x": it must be ${TRACKER}`],
  [{ uploadSlots: -1 }, "uploadSlots is -1: it must be a whole number from 0"],
  [{ maxPeers: 0 }, "maxPeers is 0: it must be a whole number from 1"],
  [{ piecesPerPeer: 0 }, "piecesPerPeer is 0: it must be a whole number from 1, or Infinity"],
  [{ dir: undefined, seedOnly: "no" }, 'seedOnly is "no": it must be true or false'],
  [{ finalCheck: "some" }, 'finalCheck is "some": it must be "changed" or "full"'],
  [{ limits: { down: NaN } }, `limits.down is NaN: it must be ${RATE}`],
  [{ peerLimits: { up: "1M" } }, `peerLimits.up is "1M": it must be ${RATE}`],
  [
    { seedGoal: { kind: "ratio", ratio: NaN } },
    "seedGoal.ratio is NaN: it must be a number from 0",
  ],
  [{ seedGoal: { kind: "ratio" } }, "seedGoal.ratio is undefined: it must be a number from 0"],
  [
    { seedGoal: { kind: "time", seconds: Infinity } },
    "seedGoal.seconds is Infinity: it must be a number from 0",
  ],
  [
    { seedGoal: { kind: "sometime" } },
    'seedGoal.kind is "sometime": it must be "none" or "forever" or "ratio" or "time" or "idle" or "any"',
  ],
  [
    { seedGoal: { kind: "any", goals: [] } },
    "seedGoal.goals is a list: it must be a list of seed goals",
  ],
  [
    { seedGoal: { kind: "any", goals: [{ kind: "any", goals: [] }] } },
    "seedGoal.goals is an object: it must be a list of single seed goals",
  ],
  [{ labels: ["x".repeat(101)] }, `labels is "${"x".repeat(100)}": it must be a label`],
  [{ atGoal: "forget" }, 'atGoal is "forget": it must be "stop" or "remove" or'],
  [{ priority: 2 }, "priority is 2: it must be a whole number from -1 to 1"],
  [{ seedGoal: { kind: "toString" } }, 'seedGoal.kind is "toString"'],
];

function refuses(run: () => void, message: string): void {
  assert.throws(run, (error) => {
    return error instanceof RangeError && error.message.startsWith(`The option ${message}`);
  }, message);
}

describe("checkClientOptions and checkAddOptions", () => {
  it("name the option, its value and what is allowed", () => {
    for (const [options, message] of CLIENT) {
      refuses(() => checkClientOptions(options as ClientOptions), message);
    }
    for (const [options, message] of ADD) {
      refuses(() => checkAddOptions({ dir: "d", ...options as object } as AddOptions), message);
    }
  });

  it("take everything that is allowed, its ends included", () => {
    for (const port of [-1, 0, 65_535]) checkClientOptions({ port });
    checkClientOptions({});
    checkClientOptions({
      maxConnections: 1,
      limits: { down: 0, up: Infinity },
      quota: { period: "month" },
      readCacheBytes: 0,
      dht: { bootstrap: [] },
    });
    checkAddOptions({ dir: "." });
    for (const kind of ["none", "forever"] as const) {
      checkAddOptions({ dir: ".", seedGoal: { kind } });
    }
    checkAddOptions({
      dir: ".",
      maxPeers: 1,
      uploadSlots: 0,
      piecesPerPeer: Infinity,
      seedGoal: { kind: "ratio", ratio: 0 },
      peerLimits: { up: 0.5 },
      finalCheck: "full",
    });
    checkAddOptions({ dir: ".", seedGoal: { kind: "idle", seconds: 0.5 } });
  });
});

describe("Client with options that cannot be", () => {
  it("opens nothing, adds nothing and changes no limit", { timeout: 30_000 }, async () => {
    const world = new SimWorld(1), node = world.node("10.0.0.1");
    await assert.rejects(Client.open(node, { maxConnections: 0 }), RangeError);
    await createCrc32c(); // compiled in real time, so before virtual time goes on
    const client = await world.wait(Client.open(node, { port: 6881, dht: false, lsd: false }));
    const { bytes } = makeSimTorrent(world, [100_000], 65_536);
    assert.throws(() => client.add(bytes, { dir: "/data", maxPeers: 0 }), RangeError);
    const magnet = `magnet:?xt=urn:btih:${"5".repeat(40)}`;
    assert.throws(() => client.add(magnet, { dir: "/data", uploadSlots: -1 }), RangeError);
    assert.equal(client.torrents().length, 0);
    const torrent = client.add(bytes, { dir: "/data" });
    await assert.rejects(client.update({ limits: { down: NaN } }), /limits.down is NaN/);
    await assert.rejects(torrent.update({ limits: { up: -1 } }), /limits.up is -1/);
    await assert.rejects(torrent.update({ peerLimits: { up: NaN } }), /peerLimits.up is NaN/);
    client.update({ limits: { down: Infinity } });
    await world.wait(client.close());
  });

  it("names the right call for an option that update cannot change", () => {
    const patch = (options: unknown) => () => checkTorrentPatch(options as TorrentPatch);
    const cases: [unknown, string][] = [
      [
        { incompleteDir: "/x" },
        "The option incompleteDir cannot be changed by update: use move",
      ],
      [
        { piecesPerPeer: 2 },
        "The option piecesPerPeer cannot be changed by update: it is fixed at the start",
      ],
      [{ limits: { down: -0.1 } }, `The option limits.down is -0.1: it must be ${RATE}`],
      [{ uploadSlot: 1 }, "There is no option uploadSlot: did you mean uploadSlots?"],
      [{ pex: undefined }, "The option pex is undefined: it must be true or false"],
      [undefined, "The options are undefined: they must be an object"],
    ];
    for (const [options, message] of cases) {
      assert.throws(patch(options), new RangeError(message));
    }
  });
});

describe("What is added", () => {
  it("is refused where it is no source, such as a promise of the bytes", () => {
    for (const source of [undefined, null, 5, Promise.resolve(), new ArrayBuffer(9), {}]) {
      assert.throws(() => checkSource(source as never), {
        name: "RangeError",
        message: /must be the bytes of a \.torrent/,
      });
    }
    for (const source of ["text", new Uint8Array(0)]) checkSource(source);
  });
});

describe("Options that do not exist", () => {
  it("are refused by name, with the one that may be meant", () => {
    const add = (options: unknown) => () => checkAddOptions(options as AddOptions);
    const open = (options: unknown) => () => checkClientOptions(options as ClientOptions);
    const cases: [() => void, string][] = [
      [add({ dir: ".", maxpeers: 5 }), "There is no option maxpeers: did you mean maxPeers?"],
      [
        add({ dir: ".", uplodSlots: 5 }),
        "There is no option uplodSlots: did you mean uploadSlots?",
      ],
      [add({ dir: ".", banana: 5 }), "There is no option banana"],
      [
        add({ dir: ".", limits: { Down: 5 } }),
        "There is no option limits.Down: did you mean limits.down?",
      ],
      [add({ maxPeers: 5 }), "The option dir is missing: it must be text"],
      [add(null), "The options are null: they must be an object"],
      [open({ stateDIR: "x" }), "There is no option stateDIR: did you mean stateDir?"],
      [
        open({ dht: { bootstraps: [] } }),
        "There is no option dht.bootstraps: did you mean dht.bootstrap?",
      ],
    ];
    for (const [run, message] of cases) assert.throws(run, new RangeError(message));
  });
});
