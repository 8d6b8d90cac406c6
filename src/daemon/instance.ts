/**
 * One daemon for each state folder: the one that holds the operating system's lock on a file in it,
 * which ends with its process, however that ends. Beside the lock it says how to reach it.
 */
import type { FileLock, Files } from "../platform/types.ts";
import { FileError, ShoalError } from "../util/errors.ts";

/** What a daemon tells those that look for it. */
export interface InstanceNote {
  readonly pid: number;
  /** Its unix socket; null for none. */
  readonly unix: string | null;
  /** Where it listens; null for nowhere. */
  readonly listen: string | null;
}

/** Another daemon has the state folder. */
export class DaemonRunningError extends ShoalError {
  readonly code = "daemon-running";
}

const MAX_NOTE_BYTES = 64 * 1024;

export class Instance {
  readonly #files: Files;
  readonly #stateDir: string;
  readonly #lock: FileLock;

  private constructor(files: Files, stateDir: string, lock: FileLock) {
    this.#files = files;
    this.#stateDir = stateDir;
    this.#lock = lock;
  }

  /** Rejects with a DaemonRunningError that names the process, or a FileError. */
  static async take(files: Files, stateDir: string): Promise<Instance> {
    const lock = files.lock(`${stateDir}/daemon.lock`);
    if (lock !== null) return new Instance(files, stateDir, lock);
    const other = await readNote(files, stateDir);
    const who = other === null ? "Another process" : `Process ${other.pid}`;
    throw new DaemonRunningError(
      `${who} is the daemon of ${stateDir} already: end it first, or name another folder with ` +
        "--state-dir",
    );
  }

  async tell(note: InstanceNote): Promise<void> {
    const bytes = new TextEncoder().encode(JSON.stringify(note));
    await this.#files.writeWhole(notePath(this.#stateDir), bytes, { ownerOnly: true });
  }

  release(): void {
    try {
      this.#files.remove(notePath(this.#stateDir));
    } catch (error) {
      // Without the lock, the note says nothing.
      if (!(error instanceof FileError)) throw error;
    }
    this.#lock.release();
  }
}

/** What the last daemon of the folder told; null if nothing can be read. A crash leaves it behind. */
export async function readNote(files: Files, stateDir: string): Promise<InstanceNote | null> {
  try {
    const bytes = await files.read(notePath(stateDir), MAX_NOTE_BYTES, { regularOnly: true });
    const note = JSON.parse(new TextDecoder().decode(bytes)) as InstanceNote;
    return Number.isSafeInteger(note?.pid) ? note : null;
  } catch {
    return null;
  }
}

function notePath(stateDir: string): string {
  return `${stateDir}/daemon.json`;
}

/** The unix socket of the API; null for none. */
export function unixPath(unix: string | undefined, stateDir: string): string | null {
  if (unix === undefined) return `${stateDir}/shoal.sock`;
  return unix === "" ? null : unix;
}
