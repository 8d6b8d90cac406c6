/** Magnet links that name one peer and nothing else, from and to other clients. */

import { after, describe, it } from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { firstDifference } from "../../scripts/lib/compare_files.ts";
import { startLibtorrent } from "./libtorrent.ts";
import { needs } from "./needs.ts";
import { cannotMakeNamespace, makeNamespace } from "./netns.ts";
import { freePort } from "./ports.ts";
import { Scene } from "./scene.ts";
import { seedWithShoal } from "./seeders.ts";
import { runShoal, told } from "./shoal.ts";
import { startTransmission } from "./transmission.ts";

const scene = new Scene();
after(() => scene.close());

/** 800 pieces: the metadata has 17 KiB, so two parts. */
const spec = {
  name: "by magnet",
  pieceLength: 16 * 1024,
  files: [{ path: "a.bin", size: 9_000_017 }, { path: "deep/b.bin", size: 4_000_003 }],
};

function magnetOf({ infoHash }: { infoHash: string }, peer: string): string {
  return `magnet:?xt=urn:btih:${infoHash}&x.pe=${peer}`;
}

describe("a magnet link with x.pe alone", () => {
  it("shoal downloads metadata and data from libtorrent", {
    skip: needs("libtorrent"),
    timeout: 60_000,
  }, async () => {
    const payload = scene.payload(spec), source = scene.torrentFile(payload);
    const seeder = await startLibtorrent(scene, { source, dir: payload.dir });
    const dir = scene.folder(), magnet = magnetOf(payload, seeder.at);
    const run = await runShoal(scene, ["download", magnet, "-o", dir, "--json"]);
    assert.equal(run.code, 0, told(run));
    assert.equal(firstDifference(spec, payload.dir, dir), null);
    assert.ok(run.events.some(({ type, state }) => type === "state" && state === "finding"));
  });

  it("shoal saves the metadata alone, byte for byte as others", {
    skip: needs("libtorrent"),
    timeout: 60_000,
  }, async () => {
    const payload = scene.payload(spec), source = scene.torrentFile(payload);
    const seeder = await startLibtorrent(scene, { source, dir: payload.dir });
    const file = join(scene.folder(), "kept.torrent");
    const magnet = magnetOf(payload, seeder.at);
    const run = await runShoal(scene, ["download", magnet, "--metadata-only", "-o", file]);
    assert.equal(run.code, 0, told(run));
    const info = (path: string) => readFileSync(path, "latin1").replace(/^.*?4:info/s, "");
    assert.equal(info(file), info(source));
  });

  it("libtorrent downloads metadata and data from shoal", {
    skip: needs("libtorrent"),
    timeout: 60_000,
  }, async () => {
    const payload = scene.payload(spec);
    const { port } = await seedWithShoal(scene, payload);
    const leech = await startLibtorrent(scene, {
      source: magnetOf(payload, `127.0.0.1:${port}`),
    });
    await leech.done();
    assert.equal(firstDifference(spec, payload.dir, leech.dir), null);
  });

  // The other way round is in dht_transmission_test.ts: Transmission 3.00 does not know x.pe.
  it("shoal downloads metadata and data from Transmission, across network namespaces", {
    skip: needs("transmission") || cannotMakeNamespace(),
    // Fifteen seconds of waiting for its pulses: it lets somebody new have something every ten.
    timeout: 180_000,
  }, async () => {
    const payload = scene.payload(spec), { there, enter } = makeNamespace(scene);
    const port = await freePort(), source = scene.torrentFile(payload);
    const { ask } = await startTransmission(scene, source, payload.dir, enter, {
      "peer-port": port,
    });
    const dir = scene.folder(), magnet = magnetOf(payload, `${there}:${port}`);
    const run = await runShoal(scene, ["download", magnet, "-o", dir, "--json"]);
    assert.equal(run.code, 0, `${told(run)}\n${await ask("--info")}`);
    assert.equal(firstDifference(spec, payload.dir, dir), null);
    const [met] = run.events.filter(({ type }) => type === "peer-connected");
    assert.match(String(met?.client), /transmission/i);
    assert.equal(met?.incoming, false, "shoal did not wait until Transmission dialled it");
  });
});
