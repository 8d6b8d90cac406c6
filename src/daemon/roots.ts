/** Which folders users of the API may name: those under configured roots. */
import type { Files, Process } from "../platform/types.ts";
import { parentOf } from "../storage/safe_paths.ts";
import { ShoalError } from "../util/errors.ts";
import type { DaemonSettings } from "./settings.ts";
import type { Caller } from "./http/types.ts";

/** A user of the API named a folder outside the roots. */
export class OutsideRootsError extends ShoalError {
  readonly code = "outside-roots";
}

type RootSettings = Pick<DaemonSettings, "roots" | "torrents" | "labels">;

export interface RootsPorts {
  readonly platform: {
    readonly files: Pick<Files, "realPath" | "absolute" | "stat">;
    readonly process: Pick<Process, "env">;
  };
  readonly stateDir: string;
  readonly settings: { readonly present: RootSettings };
}

export class Roots {
  readonly #ports: RootsPorts;

  constructor(ports: RootsPorts) {
    this.#ports = ports;
  }

  /** Where new torrents go by default; absolute. */
  get downloadDir(): string {
    const { settings, platform: { process, files }, stateDir } = this.#ports;
    const { dir } = settings.present.torrents, home = process.env("HOME");
    if (dir !== undefined) return files.absolute(dir);
    return home ? files.absolute(`${home}/Downloads`) : `${stateDir}/downloads`;
  }

  /** The configured roots; without them, the folders that new torrents go to. */
  list(): readonly string[] {
    const { settings: { present }, platform: { files } } = this.#ports;
    const { roots, labels = {}, torrents } = present;
    if (roots !== undefined) return roots.map((root) => files.absolute(root));
    const others = [...Object.values(labels).map(({ dir }) => dir), torrents.incompleteDir];
    const named = others.filter((dir) => dir !== undefined).map((dir) => files.absolute(dir));
    return [...new Set([this.downloadDir, ...named])];
  }

  /** Whether an absolute path is a root or below one, wherever symbolic links lead. */
  mayName(path: string): boolean {
    const real = this.#real(path);
    return real !== null && path.startsWith("/") &&
      this.list().some((root) => isBelow(real, this.#real(root)));
  }

  /** The path, if this caller may name it; the owner of the daemon may name any. */
  demand(path: string, who: Caller): string {
    if (path.startsWith("/") && (who.kind === "unix" || this.mayName(path))) {
      return this.#ports.platform.files.absolute(path);
    }
    const why = path.startsWith("/") ? `is not under ${this.list().join(", ")}` : "is not absolute";
    throw new OutsideRootsError(
      `The folder ${
        path.slice(0, 200)
      } ${why}: name another one, or add its root to the setting roots`,
    );
  }

  /** What of it exists, with links resolved, and the rest; null where a link leads nowhere. */
  #real(path: string): string | null {
    const { files } = this.#ports.platform;
    const rest: string[] = [];
    for (let at = files.absolute(path);; at = parentOf(at)) {
      const real = files.realPath(at);
      if (real !== null) return [real.replace(/\/$/, ""), ...rest].join("/") || "/";
      if (files.stat(at) !== null || at === "/") return null;
      rest.unshift(at.slice(at.lastIndexOf("/") + 1));
    }
  }
}

function isBelow(path: string, root: string | null): boolean {
  return root !== null && (path === root || path.startsWith(root === "/" ? "/" : `${root}/`));
}
