/**
 * A machine that shoal shares with others: one or two processes of it, several disks, and files that
 * are none of its business. Peers elsewhere have all the torrents, and one peer judges what is sent.
 */
import { Client } from "../../../src/client/client.ts";
import { checkInvariants } from "../../../src/torrent/torrent.ts";
import type { SimDisk } from "../../../tests/harness/sim/disk.ts";
import { FILE_SYSTEMS, type FileSystem } from "../../../tests/harness/sim/file_system.ts";
import type { SimVolume } from "../../../tests/harness/sim/volume.ts";
import { SimWorld } from "../../../tests/harness/sim/world.ts";
import { serveTracker } from "../../../src/tracker/local_tracker.ts";
import { createCrc32c } from "../../../src/util/crc32c.ts";
import type { Prng } from "../../../tests/harness/prng.ts";
import { type AuditedMachine, Auditor } from "../auditor.ts";
import { Copy } from "./copy.ts";
import { Ledger } from "./ledger.ts";
import { OwnProcess } from "./process.ts";
import { makeTitles, type Title } from "./titles.ts";

const RESOLUTION_MS = 5;
const BLOCK_LENGTH = 16_384;
const KIB = 1024;

/** Where the second disk is. */
export const USB = "/mnt/usb";

export interface HomeOptions {
  /** Torrents that want the same paths; two processes. */
  clashes: boolean;
  /** Names that disks fold, change or refuse. */
  oddNames: boolean;
  /** File systems other than ext4. */
  oddDisks: boolean;
  /** Now and then overwriting or repairing a file is requested. */
  wishes: boolean;
}

export class Home {
  readonly world: SimWorld;
  readonly dice: Prng;
  readonly disk: SimDisk;
  readonly ledger: Ledger;
  readonly usb: SimVolume;
  readonly stateDir = "/home/state";
  readonly titles: Title[] = [];
  readonly processes: OwnProcess[] = [];
  readonly auditors: Auditor[] = [];
  /** Times that something happened, by name. */
  readonly deeds = new Map<string, number>();
  /** What is mounted on `USB`. */
  mounted: SimVolume | null;
  readonly #options: HomeOptions;
  #failure: Error | null = null;
  #lastPid = 100;

  constructor(seed: string, options: HomeOptions) {
    this.world = new SimWorld(seed, { resolutionMs: RESOLUTION_MS });
    this.dice = this.world.dice.fork("home");
    this.#options = options;
    // The machine's disk belongs to no process; this node is only there to make it.
    const { disk } = this.world.node("10.0.2.9");
    this.disk = disk;
    this.ledger = new Ledger(disk);
    disk.put(`${USB}/PLUG THE DISK IN HERE`, new Uint8Array(10).fill(7));
    this.ledger.keep(`${USB}/PLUG THE DISK IN HERE`, "placeholder");
    this.usb = disk.volume(this.#pickSystem());
    this.mounted = disk.mount(USB, this.usb);
    disk.writeDelayMs = this.dice.pick([0, 0, 0, 50, 1500]);
    disk.readDelayMs = this.dice.pick([0, 0, 0, 50, 500]);
    disk.syncDelayMs = this.dice.pick([5, 5, 5, 100, 1000]);
  }

  #pickSystem(): FileSystem {
    const kinds = Object.values<FileSystem>(FILE_SYSTEMS);
    return this.#options.oddDisks ? this.dice.pick(kinds) : FILE_SYSTEMS.ext4;
  }

  get now(): number {
    return this.world.now;
  }

  /** Of the wall, a little later than the last write of the same moment. */
  get wallTime(): number {
    return this.processes[0]!.node.clock.wallTime() + 1;
  }

  get copies(): Copy[] {
    return this.processes.flatMap(({ copies }) => copies);
  }

  /** Whether overwriting was requested for a path. */
  mayOverwrite(path: string): boolean {
    const wanted = this.#spelled(path);
    return this.copies.some((copy) => {
      const { overwrite, repair } = copy.options;
      return (overwrite || repair) && copy.paths.some((each) => this.#spelled(each) === wanted);
    });
  }

  /** As the disk has it, where it can be there. */
  #spelled(path: string): string {
    try {
      return this.disk.resolve(path, false);
    } catch {
      return path;
    }
  }

  newPid(): number {
    return ++this.#lastPid;
  }

  did(what: string, about: string): void {
    this.deeds.set(what, (this.deeds.get(what) ?? 0) + 1);
    this.world.log(`home ${what} ${about}`);
  }

  /** Whether a folder is on a disk that is not there now. */
  isAway(dir: string): boolean {
    return this.mounted !== this.usb && (dir === USB || dir.startsWith(`${USB}/`));
  }

  /** Torrents, their owners elsewhere, and their future owners here. Nothing runs here yet. */
  async setUp(): Promise<void> {
    const { world, dice } = this, { clashes, oddNames } = this.#options;
    await createCrc32c(); // compiled in real time, so before the virtual clock runs
    const hub = world.node("10.0.0.1");
    const tracker = await world.wait(serveTracker(hub, { port: 80, address: "10.0.0.1" }));
    this.titles.push(
      ...makeTitles(world, dice, tracker.announceUrl, { clashes, odd: oddNames }),
    );
    await this.#seedElsewhere();
    const count = clashes && dice.chance(0.5) ? 2 : 1;
    for (let i = 1; i <= count; i++) {
      this.processes.push(new OwnProcess(this, `process ${i}`, `10.0.2.${i}`));
    }
    const dirs = ["/home/dl", `${USB}/dl`, USB], usual = dice.pick(dirs);
    for (const title of this.titles) this.#place(title, dice.chance(0.8) ? usual : dice.pick(dirs));
    this.#markClashes();
  }

  async #seedElsewhere(): Promise<void> {
    const { world } = this;
    const node = world.node("10.0.1.1", { link: { upBytesPerSec: 120 * KIB, latencyMs: 20 } });
    const client = await world.wait(Client.open(node, { port: 6881, dht: false, lsd: false }));
    this.titles.forEach(({ torrent, safePaths }, i) => {
      torrent.files.forEach(({ content }, file) => {
        node.disk.put([`/seeds/${i}`, ...safePaths[file]!].join("/"), content);
      });
      const dir = `/seeds/${i}`;
      client.add(torrent.bytes, { dir, trustFiles: true, seedGoal: { kind: "forever" } });
    });
    await world.runFor(500); // the tracker knows it before anybody asks
  }

  #place(title: Title, dir: string): void {
    const { dice, processes } = this, [first, second] = processes;
    const where = second === undefined
      ? [first!]
      : dice.pick([[first!], [second], [first!, second]]);
    const incompleteDir = dice.chance(0.15) ? `${dir}/.incomplete` : undefined;
    const options = {
      dir,
      seedGoal: { kind: "forever" } as const,
      preallocate: dice.chance(0.2),
      overwrite: this.#options.wishes && dice.chance(0.15),
      repair: this.#options.wishes && dice.chance(0.15),
      ...(incompleteDir ? { incompleteDir } : {}),
    };
    for (const process of where) process.copies.push(new Copy(this, process, title, options));
    if (where.length > 1 || !title.plain) title.clear = false;
    where.forEach((process) => this.#audit(process.copies.at(-1)!));
  }

  #audit(copy: Copy): void {
    const { title } = copy;
    const node = this.world.node(`10.0.3.${this.auditors.length + 1}`);
    const auditor = new Auditor(node, title.infoHash, title.pieceCount, {
      lengthOf: (piece) => Math.min(BLOCK_LENGTH, title.piece(piece).length),
      judge: (_machine: AuditedMachine, piece, bytes) => copy.judge(piece, bytes),
    });
    this.auditors.push(auditor);
    auditor.watch(copy);
  }

  /** Of two torrents that want the same path, one may not get it. */
  #markClashes(): void {
    const wanted = new Map<string, Set<Title>>();
    for (const copy of this.copies) {
      for (const { path } of copy.title.torrent.files) {
        const key = copy.pathOf(path);
        wanted.set(key, (wanted.get(key) ?? new Set()).add(copy.title));
      }
    }
    for (const titles of wanted.values()) {
      if (titles.size > 1) { for (const title of titles) title.clear = false; }
    }
  }

  /** Runs a check; what it throws ends the world. */
  attempt(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.#failure ??= error as Error;
    }
  }

  /** Lets the world run until `until()`, everything checked at each moment. */
  async run(until: () => boolean, limitMs?: number): Promise<void> {
    await this.world.run(() => {
      this.check();
      return until();
    }, limitMs);
  }

  check(): void {
    if (this.#failure !== null) throw this.#failure;
    for (const auditor of this.auditors) auditor.assertHonest();
    this.ledger.check();
    for (const { torrent, process } of this.copies) {
      if (process.alive && torrent) checkInvariants(torrent);
    }
  }

  async pass(ms: number): Promise<void> {
    const until = this.now + ms;
    this.world.at(until, () => {});
    await this.run(() => this.now >= until);
  }
}
