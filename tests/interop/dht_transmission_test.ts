/** Transmission and shoal, who find each other by a DHT of libtorrent nodes and by nothing else. */

import { after, describe, it } from "node:test";
import assert from "node:assert/strict";
import { join } from "node:path";
import { firstDifference } from "../../scripts/lib/compare_files.ts";
import { scripts } from "./keep.ts";
import { demand, needs, python } from "./needs.ts";
import { addFarAddresses, cannotMakeNamespace, makeNamespace } from "./netns.ts";
import { freePort } from "./ports.ts";
import type { Program } from "./program.ts";
import { Scene } from "./scene.ts";
import { seedWithShoal } from "./seeders.ts";
import { runShoal, told } from "./shoal.ts";
import { startTransmission, type Transmission } from "./transmission.ts";
import { until } from "./until.ts";

const scene = new Scene();
after(() => scene.close());

const spec = {
  pieceLength: 32 * 1024,
  files: [{ path: "a.bin", size: 3_000_017 }, { path: "deep/b.bin", size: 1_000_003 }],
};
const ALONE = ["--no-lsd", "--no-pex"];
/** Of a machine that is busy with other things, too. */
const PATIENCE_MS = 150_000;

/** Transmission uses its DHT once four nodes have answered it and it has heard of nine. */
const NODES = 12;

interface World {
  nodes: Program;
  /** Of the nodes, "address:port". */
  ends: string[];
  enter: string[];
}

/** The nodes are in a namespace, where Transmission has to be. */
async function openWorld(): Promise<World> {
  demand("libtorrent");
  const namespace = makeNamespace(scene), { enter } = namespace;
  // Our look-ups ask one node per address.
  const addresses = addFarAddresses(namespace);
  const wanted = JSON.stringify({ count: NODES, addresses });
  const command = [...enter, python, "-B", join(scripts, "lt_dht.py"), wanted];
  const nodes = scene.start(command, {
    env: { SSL_CERT_FILE: "/dev/null", SSL_CERT_DIR: "/nonexistent" },
  });
  const ends = await nodes.waitFor("ports", (line) => {
    if (!line.startsWith("ready ")) return null;
    return line.split(" ").slice(1).map((port, i) => `${addresses[i % addresses.length]}:${port}`);
  });
  return { nodes, ends, enter };
}

/** Resolves once a node finds a peer of the torrent. */
async function waitUntilFound(nodes: Program, infoHash: string): Promise<void> {
  let asked = 0;
  await until("the peer is in the DHT", () => {
    // Once a second, each time another one.
    if (asked++ % 10 === 0) nodes.tell(`get-peers ${Math.floor(asked / 10) % NODES} ${infoHash}`);
    return nodes.lines.some((line) => line.startsWith(`peers ${infoHash} `));
  }, PATIENCE_MS);
}

describe("the DHT alone", {
  skip: needs("libtorrent", "transmission") || cannotMakeNamespace(),
}, () => {
  it("leads Transmission with a magnet link to a shoal seeder, and shoal to Transmission", {
    // Transmission takes 20 to 40 s until it looks for peers: it asks its first nodes about one a
    // second, and looks every 5 to 10 s whether enough have answered. So both ways go at once.
    timeout: 280_000,
  }, async () => {
    const { nodes, ends, enter } = await openWorld();
    const named = ends.flatMap((at) => ["--dht-bootstrap", at]);
    const ours = scene.payload({ ...spec, name: "from shoal" });
    const theirs = scene.payload({ ...spec, name: "from Transmission" });
    const { shoal } = await seedWithShoal(scene, ours, [...named, ...ALONE]);
    await waitUntilFound(nodes, ours.infoHash);
    const start = async (source: string, dir: string): Promise<Transmission> => {
      const more = { "dht-enabled": true, "peer-port": await freePort() };
      return await startTransmission(scene, source, dir, enter, more, ends);
    };
    const dir = scene.folder(), source = scene.torrentFile(theirs);
    const leech = await start(`magnet:?xt=urn:btih:${ours.infoHash}`, dir);
    const seeder = await start(source, theirs.dir);

    await waitUntilFound(nodes, theirs.infoHash);
    const to = scene.folder();
    const run = await runShoal(scene, ["download", source, "-o", to, "--json", ...named, ...ALONE]);
    assert.equal(run.code, 0, `${told(run)}\n${await seeder.ask("--info")}`);
    assert.equal(firstDifference(theirs.spec, theirs.dir, to), null);
    const [found] = run.events.filter(({ type }) => type === "peer-connected");
    assert.match(String(found?.client), /transmission/i);
    assert.equal(found?.incoming, false);

    const isDone = async () => /Percent Done: 100%/.test(await leech.ask("--info"));
    await until("Transmission has everything", isDone, PATIENCE_MS);
    assert.equal(firstDifference(ours.spec, ours.dir, dir), null);
    const met = await shoal.waitFor("its leech", ({ type }) => type === "peer-connected");
    assert.match(String(met.client), /transmission/i);
    assert.equal(met.incoming, true, "it was found, and did not find");
  });
});
