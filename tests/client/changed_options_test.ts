/** Options of a client that change while it runs, on the real network of this machine. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { Client } from "../../src/client/client.ts";
import { selectPlatform } from "../../src/platform/select.ts";

const TIMEOUT = { timeout: 30_000 };
const HERE = { address: "127.0.0.1", lsd: false, dht: { bootstrap: [] } };

/** Whether somebody listens there; the connection stays open until `close`. */
function dial(port: number): Promise<{ close(): void; closed: boolean } | null> {
  const socket = connect({ host: "127.0.0.1", port });
  const dialled = { close: () => socket.destroy(), closed: false };
  socket.on("close", () => dialled.closed = true);
  return new Promise((resolve) => {
    socket.on("connect", () => resolve(dialled));
    socket.on("error", () => resolve(null));
  });
}

describe("Client.update on this machine", () => {
  it("listens on another port, for UDP too, and keeps connections", TIMEOUT, async () => {
    const client = await Client.open(selectPlatform(), HERE);
    const other = await Client.open(selectPlatform(), HERE);
    try {
      const before = client.port, early = await dial(before);
      assert.ok(early);
      const ping = (port: number) => other.dht!.ping({ address: "127.0.0.1", port });
      assert.ok(await ping(before), "the DHT answers on the port");
      await client.update({ port: 0 });
      assert.notEqual(client.port, before);
      assert.equal(await dial(before), null, "nobody listens on the old port");
      const late = await dial(client.port);
      assert.ok(late);
      assert.equal(early.closed, false);
      assert.ok(await ping(client.port), "the DHT moved along");
      for (const dialled of [early, late]) dialled.close();
      const { port } = client;
      await assert.rejects(client.update({ port: other.port }), { code: "address-in-use" });
      assert.equal(client.port, port);
      await client.update({ port: -1 });
      assert.equal(client.port, 0);
      assert.equal(await dial(port), null);
    } finally {
      await Promise.all([client.close(), other.close()]);
    }
  });

  it("leaves and joins the DHT and the local network", TIMEOUT, async () => {
    const client = await Client.open(selectPlatform(), HERE);
    const other = await Client.open(selectPlatform(), HERE);
    try {
      await client.update({ dht: false, lsd: true });
      assert.equal(client.dht, null);
      await client.update({ dht: { bootstrap: [`127.0.0.1:${other.port}`] }, lsd: false });
      const deadline = performance.now() + 20_000;
      while (client.dht!.stats().overlays[0]!.nodes === 0) {
        assert.ok(performance.now() < deadline, "the DHT found the other node");
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    } finally {
      await Promise.all([client.close(), other.close()]);
    }
  });
});
