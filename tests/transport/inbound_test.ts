/** Incoming connections arrive at their torrent with both handshakes. */
import assert from "node:assert/strict";
import { it } from "node:test";
import type { Connection } from "../../src/transport/connection.ts";
import { dialPeer } from "../../src/transport/dial.ts";
import { Inbound, type InboundTorrent } from "../../src/transport/inbound.ts";
import { encodeHandshake, type Handshake } from "../../src/wire/handshake.ts";
import { toHex } from "../../src/util/bytes.ts";
import { SimWorld } from "../harness/sim/world.ts";

const infoHash = new Uint8Array(20).fill(1);
const told = { infoHash, extensions: true, fast: true, dht: false };
const OURS: Handshake = { ...told, peerId: new Uint8Array(20).fill(2) };
const THEIRS: Handshake = { ...told, peerId: new Uint8Array(20).fill(3) };
const SINK = { onData() {}, onEnd() {} };

it("a connection that a peer made opens with our handshake, and the peer's own is read", async () => {
  const world = new SimWorld(1), us = world.node("10.0.0.1"), them = world.node("10.0.0.2");
  let accepted: Connection | null = null, dialled: Connection | null = null;
  const accept = (connection: Connection) => {
    accepted = connection;
    connection.handOver(SINK);
    connection.socket.send(connection.opening, () => {});
  };
  const torrent: InboundTorrent = { running: true, swarm: { handshake: OURS, accept } };
  const inbound = new Inbound(us.clock, new Map([[toHex(infoHash), torrent]]));
  await world.wait(inbound.listen(us.net, { port: 6881 }));
  dialPeer(them, { address: "10.0.0.1", port: 6881 }, THEIRS, {
    connected(connection) {
      dialled = connection;
      connection.handOver(SINK);
    },
    failed: (error) => assert.fail(error),
  });
  await world.runFor(1000);
  const [came, went] = [accepted!, dialled!] as [Connection, Connection];
  assert.deepEqual([came.incoming, came.theirs], [true, THEIRS]);
  assert.deepEqual(came.opening, encodeHandshake(OURS));
  assert.deepEqual([went.incoming, went.theirs, went.opening.length], [false, OURS, 0]);
});
