/** `shoal label`: the labels of torrents of the daemon. */
import { type Flags, repeated, toggle } from "../args.ts";
import { EXIT_DONE } from "../errors.ts";
import { safeText } from "../render/text.ts";
import { defineRemote, printDone } from "../remote/remote_command.ts";
import { chosenTorrents, NAMING, TORRENT_CHOICE } from "../remote/torrents.ts";
import { notEmpty } from "../values.ts";

const FLAGS = {
  add: repeated("LABEL", "Add a label; may be repeated", notEmpty),
  remove: repeated("LABEL", "Remove a label; may be repeated", notEmpty),
  clear: toggle("Remove all labels first"),
  ...TORRENT_CHOICE,
} satisfies Flags;

export const labelCommand = defineRemote({
  name: "label",
  operands: "[TORRENT...]",
  count: [0, 1000],
  summary: "Shows and changes the labels of torrents of the daemon",
  details:
    "A label that the configuration knows (labels) brings its folder, limits and seed goal.\n" +
    NAMING,
  examples: ["shoal label debian", "shoal label debian --add linux", "shoal label --all --clear"],
  flags: FLAGS,
  async run(session, values, names) {
    const { add, remove, clear } = values, changes = clear || add.length + remove.length > 0;
    for (const torrent of await chosenTorrents(session.remote, names, values)) {
      const { infoHash, name } = torrent;
      const kept = (clear ? [] : torrent.labels).filter((each) => !remove.includes(each));
      const labels = changes ? [...new Set([...kept, ...add])] : torrent.labels;
      if (changes) await session.remote.patch(`/torrents/${infoHash}`, { labels });
      const shown = labels.length === 0 ? "no label" : labels.map(safeText).join(", ");
      printDone(session, `${safeText(name)}: ${shown}`, { type: "labels", infoHash, name, labels });
    }
    return EXIT_DONE;
  },
});
