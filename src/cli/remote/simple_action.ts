/** Commands that do one thing to each of the named torrents. */
import type { Command } from "../command.ts";
import { EXIT_DONE } from "../errors.ts";
import { safeText } from "../render/text.ts";
import { defineRemote, printDone } from "./remote_command.ts";
import { chosenTorrents, NAMING, TORRENT_CHOICE } from "./torrents.ts";

interface Action {
  readonly name: string;
  readonly summary: string;
  readonly details: string;
  readonly examples: readonly string[];
  /** POST /torrents/INFO-HASH/`path`. */
  readonly path: string;
  /** "Started". */
  readonly done: string;
}

export function simpleAction({ path, done, details, ...words }: Action): Command {
  return defineRemote({
    ...words,
    operands: "[TORRENT...]",
    count: [0, 1000],
    details: `${details}\n${NAMING}`,
    flags: TORRENT_CHOICE,
    async run(session, values, names) {
      for (const { infoHash, name } of await chosenTorrents(session.remote, names, values)) {
        await session.remote.post(`/torrents/${infoHash}/${path}`);
        printDone(session, `${done} ${safeText(name)}`, { type: path, infoHash, name });
      }
      return EXIT_DONE;
    },
  });
}
