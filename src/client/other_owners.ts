/**
 * Torrents beyond this client: those that run in other clients of the state folder, and those that
 * it remembers. If the folder cannot tell, the client works alone and says so.
 */
import type { Platform } from "../platform/types.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { PathConflict, PathOwner, Placement } from "../torrent/take_over.ts";
import type { ClaimingTorrent, OtherOwners } from "./path_claims.ts";
import { RememberedPaths } from "./remembered_paths.ts";
import { idOf, RunningShoals } from "./running_shoals.ts";
import type { StateDir } from "./state_dir.ts";

export class StateFolderOwners implements OtherOwners {
  readonly #running: RunningShoals;
  readonly #remembered: RememberedPaths;
  readonly #warn: (message: string) => void;
  #failed = false;

  constructor(
    running: RunningShoals,
    remembered: RememberedPaths,
    warn: (message: string) => void,
  ) {
    this.#running = running;
    this.#remembered = remembered;
    this.#warn = warn;
  }

  /** Claims a whole torrent. Resolves to null, or to its owner. */
  claimTorrent(torrent: ClaimingTorrent): Promise<PathOwner | null> {
    return this.#try(() => this.#running.claimTorrent(torrent));
  }

  claim(
    torrent: ClaimingTorrent,
    place: Placement,
    written: readonly string[],
  ): Promise<PathConflict | null> {
    return this.#try(() => this.#running.claimPaths(torrent, place, written));
  }

  remembered(
    paths: readonly string[],
    except: (infoHash: string) => boolean,
    exactly = false,
  ): Promise<PathConflict | null> {
    return this.#try(() => this.#remembered.find(paths, except, exactly));
  }

  release(infoHash: string): void {
    try {
      this.#running.release(infoHash);
    } catch (error) {
      this.#say(error);
    }
  }

  close(): void {
    this.#running.close();
  }

  async #try<T>(what: () => Promise<T | null>): Promise<T | null> {
    try {
      return await what();
    } catch (error) {
      this.#say(error);
      return null;
    }
  }

  #say(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#warn(`Cannot see which other shoal processes are running: ${(error as Error).message}`);
  }
}

export function openOwners(
  { files, clock, random, process }: Platform,
  state: StateDir,
  parse: (bytes: Uint8Array) => Metainfo,
  warn: (message: string) => void,
): StateFolderOwners {
  const running = new RunningShoals(`${state.path}/running`, {
    files,
    clock,
    pid: process.pid,
    nonce: random.fill(new Uint8Array(8)),
    filesOf: async (infoHash, dir) => {
      const bytes = await state.loadTorrent(infoHash).catch(() => null);
      if (bytes === null) return null;
      return parse(bytes).files.map(({ path }) => [dir, ...path].join("/"));
    },
  });
  const remembered = new RememberedPaths(state, parse, (path) => idOf(files, path));
  return new StateFolderOwners(running, remembered, warn);
}
