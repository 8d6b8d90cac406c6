/** Everything one test file starts and writes, and the promise that nothing of it is left over. */

import { existsSync, mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type MadeTorrent,
  makeTorrent,
  type TorrentSpec,
  writeFiles,
} from "../../scripts/lib/make_torrent.ts";
import { Program, type StartOptions } from "./program.ts";

/** A torrent's files on disk, ready to be seeded. */
export interface Payload extends MadeTorrent {
  spec: TorrentSpec;
  /** The folder that holds the file or the top folder. */
  dir: string;
  /** Bytes of all files. */
  size: number;
}

export class Scene {
  readonly dir: string;
  readonly #cleanups: (() => Promise<void> | void)[] = [];
  #folders = 0;

  constructor() {
    this.dir = mkdtempSync(join(fastFolder(), "shoal-interop-"));
  }

  /** Runs at the end, the last one added first, whether the tests passed or not. */
  onClose(cleanup: () => Promise<void> | void): void {
    this.#cleanups.push(cleanup);
  }

  /** Starts a program that `close` surely ends. */
  start(command: readonly string[], options: StartOptions = {}): Program {
    const program = new Program(command, { cwd: this.dir, ...options });
    this.onClose(() => program.stop());
    return program;
  }

  /** A new empty folder. */
  folder(): string {
    const path = join(this.dir, `folder-${this.#folders++}`);
    mkdirSync(path);
    return path;
  }

  /** Writes a file into a folder of its own and gives its path. */
  file(name: string, bytes: Uint8Array | string): string {
    const path = join(this.folder(), name);
    writeFileSync(path, bytes);
    return path;
  }

  /**
   * Makes the files of a torrent; equal specs have equal contents, whatever the runtime. Files of at
   * least `sparseFrom` bytes are mostly zeros, which saves the time to fill them.
   */
  payload(spec: TorrentSpec, sparseFrom = Infinity): Payload {
    const dir = this.folder();
    writeFiles(spec, dir, spec.name, sparseFrom);
    const size = spec.files.reduce((total, file) => total + file.size, 0);
    return { ...makeTorrent(spec, dir), spec, dir, size };
  }

  /** The .torrent of a payload as a file, with trackers of its own if given. */
  torrentFile(payload: Payload, announce?: readonly (readonly string[])[]): string {
    if (announce === undefined) return this.file("plain.torrent", payload.bytes);
    const made = makeTorrent({ ...payload.spec, announce }, payload.dir);
    return this.file("tracked.torrent", made.bytes);
  }

  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (const cleanup of this.#cleanups.reverse()) {
      try {
        await cleanup();
      } catch (error) {
        failures.push(error);
      }
    }
    rmSync(this.dir, { recursive: true, force: true });
    if (failures.length > 0) throw failures[0];
  }
}

/** Memory where there is enough of it, else the folder for temporary files. */
function fastFolder(): string {
  const memory = "/dev/shm";
  if (!existsSync(memory)) return tmpdir();
  const { bavail, bsize } = statfsSync(memory);
  return bavail * bsize > 3e9 ? memory : tmpdir();
}
