/** What the DHT's nodes say of our address reaches every torrent, whenever it begins. */
import { it } from "node:test";
import assert from "node:assert/strict";
import { Client } from "../../src/client/client.ts";
import { SimWorld } from "../harness/sim/world.ts";
import { encode } from "../../src/bencode/bencode_encode.ts";
import { OwnEndpoint } from "../../src/peers/own_endpoint.ts";
import { createCrc32c } from "../../src/util/crc32c.ts";

function torrent(name: string): Uint8Array {
  const pieces = new Uint8Array(20);
  return encode({ info: { name, length: 1000, "piece length": 16384, pieces } });
}

it("a client passes its own address to torrents that run, begin later, and restart", {
  timeout: 60_000,
}, async () => {
  const told = new Map<OwnEndpoint, string[]>();
  const { set } = OwnEndpoint.prototype;
  OwnEndpoint.prototype.set = function (address, port) {
    if (address !== null) told.set(this, [...told.get(this) ?? [], `${address}:${port}`]);
    else if (!told.has(this)) told.set(this, []);
    set.call(this, address, port);
  };
  try {
    // Compiled once; the simulator does not wait for that.
    await createCrc32c();
    const world = new SimWorld(1);
    const open = (address: string, bootstrap: string[]) =>
      world.wait(
        Client.open(world.node(address), {
          port: 6881,
          address,
          lsd: false,
          dht: { bootstrap },
        }),
      );
    const networks = ["8.8.8.1", "9.9.9.1", "11.1.1.1", "13.1.1.1", "14.1.1.1"];
    for (const address of networks) await open(address, ["8.8.8.1:6881"]);
    await world.runFor(20_000);
    told.clear();
    const client = await open("12.0.0.1", networks.map((address) => `${address}:6881`));
    const first = client.add(torrent("one"), { dir: "/d" });
    await world.runFor(60_000);
    assert.deepEqual(client.externalAddresses, ["12.0.0.1"]);
    client.add(torrent("two"), { dir: "/d" });
    client.add(`magnet:?xt=urn:btih:${"a".repeat(40)}`, { dir: "/d" });
    await world.wait(first.pause());
    first.start();
    await world.runFor(10_000);
    assert.equal(told.size, 3, "a pool for each torrent, which a resumed one keeps");
    for (const addresses of told.values()) assert.deepEqual(addresses, ["12.0.0.1:6881"]);
    await world.wait(client.close());
  } finally {
    OwnEndpoint.prototype.set = set;
  }
});
