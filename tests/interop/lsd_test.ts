/**
 * Neighbours on one network who find each other by their announces alone (BEP 14). The network is a
 * namespace of this test's, so that nobody else hears them or is heard.
 */

import { after, describe, it } from "node:test";
import assert from "node:assert/strict";
import { firstDifference } from "../../scripts/lib/compare_files.ts";
import { startLibtorrent } from "./libtorrent.ts";
import { multicastNamespace } from "./multicast.ts";
import { needs } from "./needs.ts";
import { moveNearSide, type Namespace } from "./netns.ts";
import { freePort } from "./ports.ts";
import { type Payload, Scene } from "./scene.ts";
import { type RunningShoal, shoalCommand, startShoal, told } from "./shoal.ts";
import { startTransmission } from "./transmission.ts";
import { until } from "./until.ts";

const scene = new Scene();
after(() => scene.close());
const made = multicastNamespace(scene);
const lacking = typeof made === "string" ? made : false;
const { enter, there } = typeof made === "string" ? { enter: [], there: "" } : made;

/** Each test has a torrent of its own: those of the others are still there to be heard. */
function specOf(name: string) {
  const files = [{ path: "a.bin", size: 2_000_017 }, { path: "deep/b.bin", size: 1_000_003 }];
  return { name, pieceLength: 32 * 1024, files };
}
/** That the DHT has a node named keeps the harness from switching LSD off; then it is not used. */
const ALONE = ["--json", "--no-dht", "--no-pex", "--dht-bootstrap=127.0.0.1:9"];

/** `within`: the command that runs another one in a namespace. */
function start(args: readonly string[], within: readonly string[] = enter): RunningShoal {
  return startShoal(scene, [...args, ...ALONE], [...within, ...shoalCommand()]);
}

/** What its log says at its level 3 once it has announced what it has. */
const ANNOUNCED = "LPD announce message away";
/** It looks after its announces every five seconds only. */
const PATIENCE_MS = 60_000;

async function startTransmissionNear(torrent: string, dir: string) {
  const port = await freePort();
  const more = { "lpd-enabled": true, "peer-port": port, "message-level": 3 };
  return { port, ...await startTransmission(scene, torrent, dir, enter, more) };
}

async function seed(payload: Payload): Promise<RunningShoal> {
  const shoal = start(["seed", scene.torrentFile(payload), payload.dir]);
  await shoal.waitFor("seeding", ({ type, state }) => type === "state" && state === "seeding");
  return shoal;
}

describe("announces on the local network alone", { skip: lacking }, () => {
  it("shoal with a magnet link finds a libtorrent seeder", {
    skip: needs("libtorrent"),
    timeout: 60_000,
  }, async () => {
    const payload = scene.payload(specOf("for shoal")), source = scene.torrentFile(payload);
    const options = { source, dir: payload.dir, lsd: true, address: there, enter };
    await startLibtorrent(scene, options);
    const dir = scene.folder();
    const run = await start(["download", `magnet:?xt=urn:btih:${payload.infoHash}`, "-o", dir])
      .ended;
    assert.equal(run.code, 0, told(run));
    assert.equal(firstDifference(payload.spec, payload.dir, dir), null);
  });

  it("libtorrent finds a shoal seeder", {
    skip: needs("libtorrent"),
    timeout: 60_000,
  }, async () => {
    const payload = scene.payload(specOf("for libtorrent")), shoal = await seed(payload);
    const leech = await startLibtorrent(scene, {
      source: scene.torrentFile(payload),
      lsd: true,
      address: there,
      enter,
    });
    await leech.done();
    assert.equal(firstDifference(payload.spec, payload.dir, leech.dir), null);
    const met = await shoal.waitFor("its leech", ({ type }) => type === "peer-connected");
    assert.equal(met.address, there);
  });

  it("Transmission finds a shoal seeder", {
    skip: needs("transmission"),
    timeout: 180_000,
  }, async () => {
    const payload = scene.payload(specOf("for Transmission")), dir = scene.folder();
    const leech = await startTransmissionNear(scene.torrentFile(payload), dir);
    // Before its first announce, up to five seconds from the start, it drops all that it hears.
    await until("it listens", () => leech.program.stderr.includes(ANNOUNCED), PATIENCE_MS);
    const shoal = await seed(payload);
    const isDone = async () => /Percent Done: 100%/.test(await leech.ask("--info"));
    await until("Transmission has everything", isDone, PATIENCE_MS);
    assert.equal(firstDifference(payload.spec, payload.dir, dir), null);
    const met = await shoal.waitFor("its leech", ({ type }) => type === "peer-connected");
    assert.match(String(met.client), /transmission/i);
    assert.equal(met.incoming, true);
  });

  // The last one: of the namespace that the others use only the far side stays as it is.
  it("shoal finds a Transmission seeder", {
    skip: needs("transmission"),
    timeout: 180_000,
  }, async () => {
    const payload = scene.payload(specOf("from Transmission")), source = scene.torrentFile(payload);
    // What it announces does not loop back to others on the same machine.
    const near = moveNearSide(scene, made as Namespace), dir = scene.folder();
    const leech = start(["download", source, "-o", dir], near);
    await leech.waitFor("its start", ({ type, state }) => {
      return type === "state" && state === "downloading";
    });
    const seeder = await startTransmissionNear(source, payload.dir);
    const run = await leech.ended;
    assert.equal(run.code, 0, `${told(run)}\n${await seeder.ask("--info")}`);
    assert.equal(firstDifference(payload.spec, payload.dir, dir), null);
    const [met] = run.events.filter(({ type }) => type === "peer-connected");
    assert.equal(`${met?.address}:${met?.port}`, `${there}:${seeder.port}`);
    assert.match(String(met?.client), /transmission/i);
    assert.equal(met?.incoming, false);
  });
});
