/** What happens to a machine while its torrents run: each does it once, to something by the dice. */
import assert from "node:assert/strict";
import { errnoOf } from "../../../src/platform/shared/errno.ts";
import { ShoalError } from "../../../src/util/errors.ts";
import type { Copy } from "./copy.ts";
import { type Home, USB } from "./home.ts";
import type { OwnProcess } from "./process.ts";

export type HomeEvent = (home: Home) => Promise<void>;

const KIB = 1024;
const EDITED = "a finished file that somebody edited";

function someProcess(home: Home): OwnProcess | null {
  const alive = home.processes.filter((process) => process.alive);
  return alive.length === 0 ? null : home.dice.pick(alive);
}

function startsAs(home: Home): "adds" | "restores" {
  return home.dice.chance(0.7) ? "adds" : "restores";
}

/**
 * What was written last is known again by the file's identity. Where the disk keeps none, a file
 * without a whole piece may look like somebody else's, and is refused.
 */
function forgetsFiles(home: Home): void {
  const { system } = home.usb;
  if (system.births && system.inodes === "kept") return;
  for (const { title, options } of home.copies) {
    if (options.dir.startsWith(USB)) title.clear = false;
  }
}

export async function killed(home: Home): Promise<void> {
  const process = someProcess(home);
  if (process === null) return;
  home.did("killed", process.name);
  process.kill();
  forgetsFiles(home);
  await home.pass(home.dice.below(3000));
  await process.start(startsAs(home));
}

/** The whole machine loses power; programs that restart find the disk as it is then. */
export async function powerLost(home: Home): Promise<void> {
  home.did("power-lost", "all");
  for (const process of home.processes) process.kill();
  home.disk.crash();
  forgetsFiles(home);
  await home.pass(home.dice.below(3000));
  for (const process of home.processes) await process.start(startsAs(home));
}

export async function restarted(home: Home): Promise<void> {
  const process = someProcess(home);
  if (process === null) return;
  home.did("restarted", process.name);
  await process.shutDown();
  await home.pass(home.dice.below(3000));
  await process.start(startsAs(home));
}

/** The disk is unplugged, perhaps another one is plugged in, and it comes back later. */
export async function unplugged(home: Home): Promise<void> {
  const { dice, disk, ledger } = home;
  const theirs = home.copies.filter(({ options }) => options.dir.startsWith(USB));
  // A torrent that has nothing yet may begin on whatever is there instead.
  if (home.mounted !== home.usb || !theirs.every((copy) => copy.hasBegun)) return;
  home.did("unplugged", USB);
  forgetsFiles(home);
  disk.unmount(USB, dice.chance(0.5) ? "in order" : "pulled out");
  home.mounted = null;
  if (dice.chance(0.3)) {
    home.mounted = disk.mount(USB);
    disk.put(`${USB}/photos`, new Uint8Array(1000).fill(3));
    ledger.keep(`${USB}/photos`, "a file of another disk");
    home.did("other-disk", USB);
  }
  ledger.guard(USB, "the folder of a disk that is away");
  if (dice.chance(0.5)) await (dice.chance(0.5) ? killed : restarted)(home);
  await home.pass(dice.below(40_000));
  plugIn(home);
}

export function plugIn(home: Home): void {
  if (home.mounted === home.usb) return;
  if (home.mounted !== null) home.disk.unmount(USB);
  home.ledger.release();
  home.mounted = home.disk.mount(USB, home.usb);
  home.did("plugged-in", USB);
}

/** The system forgets files that are not open: FUSE drivers give them new numbers. */
export function forgotten(home: Home): Promise<void> {
  if (home.usb.system.inodes !== "kept") home.usb.renumber();
  return Promise.resolve();
}

/** A file of a torrent in its present state on the disk. */
interface Target {
  copy: Copy;
  path: string;
}

/** A file that is there; with `finished` only of a torrent that was whole for a while. */
function someFile(home: Home, finished: boolean): Target | null {
  const targets = home.copies.filter((copy) => !finished || copy.wasDone).flatMap((copy) => {
    const paths = copy.title.torrent.files.map(({ path }) => copy.pathOf(path));
    return paths.filter((path) => home.disk.entry(path)?.kind === "file")
      .map((path) => ({ copy, path }));
  });
  return targets.length === 0 ? null : home.dice.pick(targets);
}

/** Records another program's change of a file: from `from` on, or everywhere. */
function changed(home: Home, path: string, from = 0, to = Infinity): void {
  for (const { title } of home.copies) title.edits.push({ path, from, to, atMs: home.now });
}

/** Tags, a subtitle, another line: a torrent that had it whole must leave it unchanged. */
export function edited(home: Home): Promise<void> {
  const { dice, disk, ledger } = home, target = someFile(home, dice.chance(0.7));
  if (target === null) return Promise.resolve();
  const { copy, path } = target, entry = disk.entry(path)!;
  // A change within one step of the disk's clock, or during a write of ours, cannot be seen.
  if (entry.writing > 0) return Promise.resolve();
  const step = entry.volume.system.timeStepMs;
  if (step > 1 && (!copy.wasDone || home.wallTime - entry.mtimeMs < 2 * step)) {
    return Promise.resolve();
  }
  const { size } = entry.data, isAppended = size === 0 || dice.chance(0.3);
  const at = isAppended ? size : dice.below(size), length = 1 + dice.below(2 * KIB);
  const bytes = dice.fill(new Uint8Array(isAppended ? length : Math.min(length, size - at)));
  if (bytes.length === 0) return Promise.resolve();
  disk.tamper(path, bytes, at, home.wallTime);
  ledger.rewritten(path);
  changed(home, path, at, at + bytes.length);
  home.did(isAppended ? "appended" : "edited", path);
  for (const { title } of home.copies) if (title === copy.title) title.clear = false;
  if (home.mayOverwrite(path)) return Promise.resolve();
  if (copy.wasDone || ledger.has(path)) ledger.keep(path, EDITED);
  return Promise.resolve();
}

/** Another file, none of ours, takes the name. */
export function replaced(home: Home): Promise<void> {
  const { dice, disk, ledger } = home, target = someFile(home, dice.chance(0.5));
  if (target === null) return Promise.resolve();
  const { copy, path } = target, entry = disk.entry(path)!, { size } = entry.data;
  if (entry.writing > 0) return Promise.resolve(); // as for an edit
  // An empty file has no owner.
  const length = Math.max(size, 1000) + dice.pick([0, 0, 777]);
  disk.put(path, dice.fill(new Uint8Array(length)), home.wallTime);
  changed(home, path);
  if (!home.mayOverwrite(path)) {
    ledger.keep(path, "a file that somebody put in the place of ours");
  }
  home.did("replaced", path);
  copy.title.clear = false;
  return Promise.resolve();
}

export function deleted(home: Home): Promise<void> {
  const { dice, disk, ledger } = home, target = someFile(home, dice.chance(0.5));
  if (target === null || ledger.has(target.path)) return Promise.resolve();
  const { copy, path } = target;
  disk.removeEntry(path);
  changed(home, path);
  for (const each of home.copies) if (each.title === copy.title) each.doneSinceMs = null;
  home.did("deleted", path);
  copy.title.clear = false;
  return Promise.resolve();
}

/** A file of ours gets a second name: its contents there are foreign once we are done. */
export function shared(home: Home): Promise<void> {
  const target = someFile(home, true);
  if (target === null) return Promise.resolve();
  const { path } = target, volume = home.disk.volumeOf(path);
  const name = `${volume === home.usb ? USB : "/home"}/shared ${home.ledger.size}`;
  try {
    home.disk.link(path, name);
  } catch (error) {
    if (errnoOf(error) === "") throw error;
    return Promise.resolve();
  }
  home.ledger.keep(name, "a hard link that somebody made to a finished file");
  home.did("shared", path);
  return Promise.resolve();
}

function someCopy(home: Home): Copy | null {
  const running = home.copies.filter(({ torrent, process }) => torrent !== null && process.alive);
  return running.length === 0 ? null : home.dice.pick(running);
}

export async function paused(home: Home): Promise<void> {
  const copy = someCopy(home);
  if (copy === null) return;
  home.did("paused", copy.about);
  const { torrent, node } = copy;
  await allowed(home, torrent!.pause());
  await home.pass(home.dice.below(5000));
  if (node.alive) torrent!.start();
}

export async function rechecked(home: Home): Promise<void> {
  const copy = someCopy(home);
  if (copy === null) return;
  home.did("rechecked", copy.about);
  await allowed(home, copy.torrent!.recheck());
}

export async function moved(home: Home): Promise<void> {
  const copy = someCopy(home);
  if (copy === null) return;
  copy.wandered = true;
  home.did("moved", copy.about);
  // What its user edited goes along.
  for (const path of copy.paths) home.ledger.forget(path, EDITED);
  const dir = home.dice.pick(["/home/elsewhere", `${USB}/elsewhere`, copy.options.dir]);
  await allowed(home, copy.torrent!.move(dir));
}

/** What cannot be done now is refused with an error of ours, and no other. */
async function allowed(home: Home, work: Promise<unknown>): Promise<void> {
  const outcome = work.then(() => null, (error: unknown) => error);
  // Killed meanwhile it never settles, which is no fault.
  let error: unknown = null, settled = false;
  void outcome.then((thrown) => {
    [error, settled] = [thrown, true];
  });
  const until = home.now + 120_000;
  home.world.at(until, () => {});
  await home.run(() => settled || home.now >= until);
  assert.ok(error === null || error instanceof ShoalError, String(error));
}
