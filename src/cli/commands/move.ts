/** `shoal move`: moves the files of torrents of the daemon. */
import { EXIT_DONE } from "../errors.ts";
import { safeText } from "../render/text.ts";
import { defineRemote, printDone } from "../remote/remote_command.ts";
import { absoluteFor, chosenTorrents, NAMING, TORRENT_CHOICE } from "../remote/torrents.ts";

export const moveCommand = defineRemote({
  name: "move",
  operands: "[TORRENT...] DIR",
  count: [1, 1000],
  summary: "Moves the files of torrents to another folder",
  details:
    "The torrents keep downloading and seeding meanwhile. It ends when all files are in DIR, also on\n" +
    `another disk.\n${NAMING}`,
  examples: ["shoal move debian /mnt/big", "shoal move --label films /mnt/films"],
  flags: TORRENT_CHOICE,
  async run(session, values, operands) {
    const { remote, platform, output } = session, names = operands.slice(0, -1);
    const dir = absoluteFor(session, operands.at(-1)!);
    for (const { infoHash, name } of await chosenTorrents(remote, names, values)) {
      const note = platform.clock.after(NOTE_MS, () => {
        output.errorLine(`Moving ${safeText(name)} to ${safeText(dir)} ...`);
      });
      try {
        await remote.postLong(`/torrents/${infoHash}/move`, { dir });
      } finally {
        note.cancel();
      }
      const text = `Moved ${safeText(name)} to ${safeText(dir)}`;
      printDone(session, text, { type: "moved", infoHash, name, dir });
    }
    return EXIT_DONE;
  },
});

const NOTE_MS = 1000;
