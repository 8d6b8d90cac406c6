/** What stands in a torrent's way before it is added: each puts one thing under a path that it wants. */
import { errnoOf } from "../../../src/platform/shared/errno.ts";
import type { SimFile } from "../../../tests/harness/sim_swarm.ts";
import type { Copy } from "./copy.ts";
import type { Home } from "./home.ts";

const MADE_MS = 1_600_000_000_000;
const KIB = 1024;

type Planter = (home: Home, copy: Copy, file: SimFile, path: string) => void;

function noise(home: Home, length: number): Uint8Array {
  return home.dice.fill(new Uint8Array(length));
}

/** The bytes of a file with something behind them. */
function joined(content: Uint8Array, tail: Uint8Array): Uint8Array {
  const all = new Uint8Array(content.length + tail.length);
  all.set(content);
  all.set(tail, content.length);
  return all;
}

/** It stays unchanged and is in the way, unless overwriting was requested. */
function keep(home: Home, copy: Copy, path: string, about: string): void {
  copy.title.clear = false;
  if (!home.mayOverwrite(path)) home.ledger.keep(path, about);
}

/** A foreign file, none of whose pieces is the torrent's. */
const stranger: Planter = (home, copy, { content }, path) => {
  const longer = home.dice.pick([0, 0, 5 * KIB, -20 * KIB]);
  home.disk.put(path, noise(home, content.length + longer), MADE_MS);
  keep(home, copy, path, "somebody else's file");
};

/** All of ours, and a line that the user added. */
const extended: Planter = (home, copy, { content }, path) => {
  home.disk.put(path, joined(content, noise(home, 300)), MADE_MS);
  keep(home, copy, path, "a file that somebody made longer");
};

/** What another client reserved: as good as nothing. */
const zeros: Planter = (home, _copy, { content }, path) => {
  home.disk.put(path, new Uint8Array(content.length), MADE_MS);
};

const whole: Planter = (home, _copy, { content }, path) => {
  home.disk.put(path, content, MADE_MS);
};

/** Half of its pieces are right: another client began with it. */
const partly: Planter = (home, copy, { content }, path) => {
  const { pieceLength } = copy.title.torrent, bytes = content.slice();
  // A whole piece of it is surely in the first half, wherever the file begins.
  if (bytes.length < 5 * pieceLength) return;
  bytes.fill(0x55, bytes.length / 2);
  home.disk.put(path, bytes, MADE_MS);
};

/** A library file, partly or wholly equal, which has our path as its second name. */
const linked: Planter = (home, copy, { content }, path) => {
  const volume = home.disk.volumeOf(path), isUsb = volume === home.usb;
  if (!volume.system.hardLinks) return;
  const library = `${isUsb ? "/mnt/usb" : "/home"}/library/${home.ledger.size}`;
  const bytes = content.slice(), kind = home.dice.pick(["same", "partly", "other"]);
  const { pieceLength } = copy.title.torrent;
  if (kind === "partly" && bytes.length < 5 * pieceLength) return;
  if (kind === "partly") bytes.fill(0x55, bytes.length / 2);
  home.disk.put(library, kind === "other" ? noise(home, bytes.length) : bytes, MADE_MS);
  home.disk.makeFolders(path.slice(0, path.lastIndexOf("/")));
  home.disk.link(library, path);
  home.ledger.keep(library, `a library's file (${kind}) that was hard-linked into the download`);
  if (kind === "other") keep(home, copy, path, "a hard link to somebody else's file");
};

/** A symbolic link to a file outside. */
const symlink: Planter = (home, copy, { content }, path) => {
  const target = `/home/library/${home.ledger.size}`;
  home.disk.put(target, content.map((byte, i) => i < 100 ? byte : 0x33), MADE_MS);
  home.disk.makeFolders(path.slice(0, path.lastIndexOf("/")));
  home.disk.plantLink(path, target);
  home.ledger.keep(target, "a file that a symbolic link leads to");
  copy.title.clear = false;
};

const folder: Planter = (home, copy, _file, path) => {
  home.disk.put(`${path}/inside`, noise(home, 100), MADE_MS);
  home.ledger.keep(`${path}/inside`, "a file in a folder that has a torrent's file name");
  copy.title.clear = false;
};

const PLANTERS: Record<string, Planter> = {
  stranger,
  extended,
  zeros,
  whole,
  partly,
  linked,
  symlink,
  folder,
};

/** Puts files at the paths of torrents, and other files next to them. */
export function plantForeign(home: Home, chance: number): void {
  const { dice } = home, names = Object.keys(PLANTERS);
  for (const copy of home.copies) {
    for (const file of copy.title.torrent.files) {
      const path = copy.pathOf(file.path);
      if (!dice.chance(chance)) continue;
      const name = dice.pick(names);
      tried(() => {
        if (isTaken(home, path)) return;
        PLANTERS[name]!(home, copy, file, path);
        home.did(`planted-${name}`, path);
      });
    }
    const beside = copy.pathOf([copy.title.torrent.files[0]!.path[0]!, "diary.txt"]);
    tried(() => {
      if (copy.title.torrent.files[0]!.path.length === 1 || home.ledger.has(beside)) return;
      home.disk.put(beside, noise(home, 2000), MADE_MS);
      home.ledger.keep(beside, "a diary beside the torrent's files");
    });
  }
}

function isTaken(home: Home, path: string): boolean {
  try {
    return home.disk.entry(home.disk.resolve(path, false)) !== undefined;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}

/** What the disk does not take is not there, then. */
function tried(plant: () => void): void {
  try {
    plant();
  } catch (error) {
    if (errnoOf(error) === "") throw error;
  }
}
