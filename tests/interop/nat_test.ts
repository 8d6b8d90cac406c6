/** Peers behind a real NAT, which nobody can dial, and others that know them from a tracker alone. */

import { after, describe, it } from "node:test";
import assert from "node:assert/strict";
import { firstDifference } from "../../scripts/lib/compare_files.ts";
import { selectPlatform } from "../../src/platform/select.ts";
import { serveTracker } from "../../src/tracker/local_tracker.ts";
import { type Leech, leechWithAria2, leechWithTransmission } from "./leeches.ts";
import { startLibtorrent } from "./libtorrent.ts";
import { needs } from "./needs.ts";
import { cannotMakeNat, makeHome, makeNamespace, type Namespace } from "./netns.ts";
import { freePort } from "./ports.ts";
import { Scene } from "./scene.ts";
import { seedWithShoal } from "./seeders.ts";
import { shoalCommand, startShoal, told } from "./shoal.ts";
import { until } from "./until.ts";

const scene = new Scene();
after(() => scene.close());
const lacking = cannotMakeNat();
const net: Namespace = lacking
  ? { here: "", there: "", near: [], enter: [] }
  : makeNamespace(scene);
const home = lacking ? [] : makeHome(scene, net);
const TIMEOUT = 90_000;
const ALONE = ["--no-dht", "--no-lsd", "--no-pex", "--no-state"];

/** A torrent of its own, and a tracker that tells of those who announced themselves. */
async function tracked(name: string) {
  const payload = scene.payload({
    name,
    pieceLength: 32 * 1024,
    files: [{ path: "a.bin", size: 2_000_017 }, { path: "deep/b.bin", size: 1_000_003 }],
  });
  const tracker = await serveTracker(selectPlatform(), { port: 0, address: net.here });
  scene.onClose(() => tracker.close());
  const url = tracker.announceUrl;
  const known = () => until("the tracker is asked", () => tracker.stats.announces > 0, 60_000);
  return { payload, torrent: scene.torrentFile(payload, [[url]]), url, known };
}

const LEECHES: Record<string, (torrent: string) => Promise<Pick<Leech, "dir" | "done">>> = {
  libtorrent: (source) => startLibtorrent(scene, { source, address: net.here }),
  aria2: async (torrent) => await leechWithAria2(scene, torrent, await freePort()),
  transmission: (torrent) => leechWithTransmission(scene, torrent, []),
};

describe("behind a NAT", { skip: lacking }, () => {
  for (const kind of ["libtorrent", "aria2", "transmission"] as const) {
    it(`a shoal seed serves ${kind}`, { skip: needs(kind), timeout: TIMEOUT }, async () => {
      const { payload, torrent, known } = await tracked(`for ${kind}`);
      const leech = await LEECHES[kind]!(torrent);
      await known();
      const made = { ...payload, bytes: await readBytes(torrent) };
      await seedWithShoal(scene, made, ALONE, [...home, ...shoalCommand()]);
      await leech.done();
      assert.equal(firstDifference(payload.spec, payload.dir, leech.dir), null);
    });
  }

  for (const what of ["torrent", "magnet"] as const) {
    it(`shoal downloads from a libtorrent seed, from a ${what}`, {
      skip: needs("libtorrent"),
      timeout: TIMEOUT,
    }, async () => {
      const { payload, torrent, url, known } = await tracked(`from a ${what}`);
      await startLibtorrent(scene, { source: torrent, dir: payload.dir, address: net.here });
      await known();
      const magnet = `magnet:?xt=urn:btih:${payload.infoHash}&tr=${encodeURIComponent(url)}`;
      const dir = scene.folder(), source = what === "torrent" ? torrent : magnet;
      const args = ["download", source, "-o", dir, "--json", ...ALONE];
      const run = await startShoal(scene, args, [...home, ...shoalCommand()]).ended;
      assert.equal(run.code, 0, told(run));
      assert.equal(firstDifference(payload.spec, payload.dir, dir), null);
    });
  }
});

async function readBytes(path: string): Promise<Uint8Array> {
  return await selectPlatform().files.read(path, 1 << 20);
}
