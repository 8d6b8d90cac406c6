/** `shoal dht` against a small DHT in this process, by the real command line. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Client } from "../../src/client/client.ts";
import { readValue, stringValue } from "../../src/cli/dht_values.ts";
import { runCli } from "../../src/cli/main.ts";
import { encode } from "../../src/bencode/bencode_encode.ts";
import { fromHex } from "../../src/util/bytes.ts";
import { fakeWorld } from "./fakes.ts";
import { newFolder, platform, removeFolders, ROOT, shoal } from "./run_shoal.ts";

const TIMEOUT = { timeout: 60_000 };
const INFO_HASH = "0123456789abcdef0123456789abcdef01234567";
const nodes: Client[] = [];
let first = "", home: readonly string[] = [];

before(async () => {
  for (let i = 0; i < 12; i++) {
    const bootstrap = first === "" ? [] : [first];
    const client = await Client.open(platform, {
      port: 0,
      address: "127.0.0.1",
      dht: { bootstrap },
      lsd: false,
    });
    nodes.push(client);
    if (first === "") first = `127.0.0.1:${client.port}`;
  }
  home = ["--dht-bootstrap", first, "--no-state"];
  const deadline = performance.now() + 20_000;
  while (nodes.some(({ dht }) => dht!.stats().overlays[0]!.nodes < 4)) {
    assert.ok(performance.now() < deadline, "the nodes found each other");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}, TIMEOUT);

after(async () => {
  await Promise.all(nodes.map((client) => client.close()));
  removeFolders();
});

function dht(...args: string[]) {
  return shoal("dht", ...args, ...home);
}

describe("shoal dht ping", () => {
  it("prints the id of a node that answers", TIMEOUT, async () => {
    const id = nodes[0]!.dht!.stats().overlays[0]!.id;
    const { code, out, err } = await dht("ping", first);
    assert.equal(err, "");
    assert.match(out, new RegExp(`^${first} answered in \\d+ ms: node ${id}, SH 0 1\n$`));
    assert.equal(code, 0);
  });

  it("ends with 4 if no node answers", TIMEOUT, async () => {
    const { code, out, err } = await dht("ping", "127.0.0.1:9");
    assert.deepEqual([code, out], [4, ""]);
    assert.equal(err, "shoal: 127.0.0.1:9 does not answer\n");
  });
});

describe("shoal dht peers", () => {
  it("prints the announced peers, by info-hash and by magnet link", TIMEOUT, async () => {
    const { stored } = await nodes[3]!.dht!.announce(fromHex(INFO_HASH), { port: 7777 });
    assert.ok(stored > 0);
    const text = await dht("peers", INFO_HASH);
    assert.deepEqual([text.code, text.out, text.err], [0, "127.0.0.1:7777\n", ""]);
    const json = await dht("peers", `magnet:?xt=urn:btih:${INFO_HASH}&dn=x`, "--json");
    const expected = { type: "peer", address: "127.0.0.1", port: 7777 };
    assert.deepEqual(JSON.parse(json.out), expected);
  });

  it("ends with 4 if there are none", TIMEOUT, async () => {
    const { code, out, err } = await dht("peers", "f".repeat(40));
    assert.deepEqual([code, out], [4, ""]);
    assert.match(err, /^shoal: No peers of f{40} \(\d+ questions asked\)\n$/);
  });
});

describe("shoal dht put and get", () => {
  it("stores a text that others read", TIMEOUT, async () => {
    const put = await dht("put", "Hello from äöü");
    assert.equal(put.err, "");
    assert.match(put.out, /^[0-9a-f]{40}\n$/);
    const target = put.out.trim();
    const got = await dht("get", target);
    assert.deepEqual([got.code, got.out], [0, "Hello from äöü\n"]);
    const json = JSON.parse((await dht("get", target, "--json")).out);
    assert.deepEqual([json.type, json.target, json.key, json.seq], ["item", target, null, null]);
  });

  it("changes an item of a key that it made, each with its salt", TIMEOUT, async () => {
    const folder = newFolder(), key = join(folder, "a.key"), file = join(folder, "a.txt");
    writeFileSync(file, "one");
    const one = await dht("put", "--file", file, "--key", key, "--salt", "s", "--json");
    assert.equal(one.err, "");
    assert.equal(readFileSync(key).length, 32);
    if (platform.process.os !== "windows") assert.equal(statSync(key).mode & 0o777, 0o600);
    const { target, key: publicKey, seq, nodes: stored } = JSON.parse(one.out);
    assert.equal(seq, "1");
    assert.ok(stored > 0);
    assert.equal((await dht("get", target, "--salt", "s")).out, "one\n");
    assert.equal((await dht("put", "two", "--key", key, "--salt", "s")).out, `${target}\n`);
    const got = await dht("get", publicKey, "--salt", "s", "--json");
    const item = JSON.parse(got.out);
    assert.deepEqual([item.text, item.seq, item.key], ["two", "2", publicKey]);
    const late = await dht("put", "old", "--key", key, "--salt", "s", "--seq", "1");
    assert.equal(late.code, 4);
    assert.match(late.err, /--seq/);
  });

  it("ends with 4 if there is no item", TIMEOUT, async () => {
    const { code, out, err } = await dht("get", "e".repeat(40));
    assert.deepEqual([code, out], [4, ""]);
    assert.match(err, /^shoal: There is no item at e{40}\n$/);
  });
});

describe("shoal dht stats", () => {
  it("joins, counts the nodes and keeps them for the next run", TIMEOUT, async () => {
    const state = join(newFolder(), "state");
    const args = ["dht", "stats", "--for", "4s", "--dht-bootstrap", first, "--state-dir", state];
    const { code, out, err } = await shoal(...args);
    assert.deepEqual([code, err], [0, ""]);
    assert.match(out, /^IPv4: \d+ nodes and \d+ spare,.* our id is [0-9a-f]{40}$/m);
    assert.match(out, /^datagrams: \d+ sent \(.*\), \d+ received \(.*\)$/m);
    assert.ok(existsSync(join(state, "dht")));
    // Now it needs nobody to begin with.
    const alone = ["dht", "stats", "--for", "2s", "--json", "--dht-bootstrap", "127.0.0.1:9"];
    const again = await shoal(...alone, "--state-dir", state);
    assert.equal(again.err, "");
    assert.ok(JSON.parse(again.out).nodes > 2, again.out);
  });
});

describe("shoal dht", () => {
  const wrong: [args: string[], message: RegExp][] = [
    [[], /Missing get\|put.*Usage: shoal dht get\|put\|peers\|ping\|stats/],
    [["pign"], /Unknown word "pign" after dht \(did you mean ping\?\)/],
    [["toString"], /Unknown word "toString"/],
    [["ping"], /Missing HOST:PORT\. Usage: shoal dht ping HOST:PORT/],
    [["ping", "me"], /"me" is not HOST:PORT/],
    [["peers", "abc"], /neither a magnet link/],
    [["get", "abc"], /"abc" is no target/],
    [["put"], /Missing TEXT\. Usage: shoal dht put TEXT/],
    [["put", "a", "--seq", "1"], /are for items with a --key/],
    [["put", "a", "--key", "k", "--seq", "9223372036854775808"], /0 to 2\^63 - 1/],
    [["put", "a".repeat(997)], /997 bytes/],
    [["put", "a", "--key", join(ROOT, "README.md")], /is not a key/],
    [["put", "a", "--salt", "s".repeat(65)], /64 bytes at most/],
    [["stats", "x"], /Too many operands: "x"\. Usage: shoal dht stats/],
  ];
  for (const [args, message] of wrong) {
    it(`ends with 2 before any port is opened: ${args.join(" ").slice(0, 40)}`, async () => {
      const world = fakeWorld(["dht", ...args]);
      await runCli(world.platform, world.openClient);
      assert.equal(world.process.code, 2);
      assert.match(world.process.errors, message);
      assert.equal(world.openedWith, undefined);
    });
  }

  it("ends with 4 when no node answers", TIMEOUT, async () => {
    const nobody = ["--dht-bootstrap", "127.0.0.1:9", "--no-state"];
    const { code, err } = await shoal("dht", "peers", INFO_HASH, ...nobody);
    assert.equal(code, 4);
    assert.match(err, /^shoal: No DHT node answers; try another one with --dht-bootstrap/);
  });

  it("asks without listening for peers, and never answers", async () => {
    const world = fakeWorld(["dht", "ping", "127.0.0.1:9"]);
    await runCli(world.platform, world.openClient);
    assert.deepEqual(world.openedWith, {
      port: -1,
      lsd: false,
      dht: { bootstrap: [], readOnly: true },
    });
  });
});

describe("readValue", () => {
  it("returns text if the value is text, otherwise hexadecimal digits", () => {
    const text = stringValue(new TextEncoder().encode("a\n\0"));
    assert.deepEqual(readValue(text), { text: "a\n\0", hex: "610a00" });
    assert.deepEqual(readValue(stringValue(new Uint8Array([255]))), { text: null, hex: "ff" });
    assert.deepEqual(readValue(encode([1])), { text: null, hex: "6c69316565" });
  });
});
