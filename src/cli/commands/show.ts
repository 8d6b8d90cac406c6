/** `shoal show`: what is in a .torrent. */
import { type Flags, toggle } from "../args.ts";
import { defineCommand } from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";
import { openTorrent } from "../load_torrent.ts";
import { showsUnicode } from "../render/terminal.ts";
import { safeJson } from "../render/text.ts";
import { describeAsData, describeAsText } from "../torrent_text.ts";

const FLAGS = {
  json: toggle("Prints one JSON object (README.md lists its fields)"),
} satisfies Flags;

export const showCommand = defineCommand({
  name: "show",
  operands: "FILE",
  count: [1, 1],
  summary: "Shows what is in a .torrent: its files, pieces and trackers",
  details: "",
  examples: ["shoal show debian.torrent", "shoal show debian.torrent --json"],
  flags: FLAGS,
  async run({ platform, output }, { json }, operands) {
    const meta = await openTorrent(platform, operands[0]!);
    if (json) output.line(safeJson(describeAsData(meta)));
    else output.write(describeAsText(meta, { unicode: showsUnicode(platform.process) }));
    return EXIT_DONE;
  },
});
