/** `shoal show`: what is in a .torrent. */
import { type Flags, toggle } from "../args.ts";
import { defineCommand } from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";
import { GIVE_UP_DEFAULT } from "../give_up.ts";
import { Output } from "../output.ts";
import { openSource } from "../metadata_run.ts";
import { stateChoice } from "../state_folder.ts";
import { torrentFlags } from "../option_flags.ts";
import { clientOptions, SWARM_FLAGS, swarmOptions } from "../swarm_flags.ts";
import { showsUnicode } from "../render/terminal.ts";
import { safeJson } from "../render/text.ts";
import { describeAsData, describeAsText } from "../torrent_text.ts";

const FLAGS = {
  json: toggle("Print one JSON object (fields: docs/json.md)"),
  ...torrentFlags(null),
  ...SWARM_FLAGS,
} satisfies Flags;

export const showCommand = defineCommand({
  name: "show",
  operands: "TORRENT",
  count: [1, 1],
  summary: "Shows what is in a .torrent or magnet link: files, pieces and trackers",
  details:
    "The metadata of a magnet link is fetched from its peers first; the other flags are for that.",
  examples: [
    "shoal show debian.torrent",
    "shoal show 'magnet:?xt=urn:btih:...'",
    "shoal show debian.torrent --json",
  ],
  flags: FLAGS,
  async run(context, values, operands) {
    const { platform, output } = context, { json } = values;
    // Into a file or pipe goes the result alone; on a terminal the search leaves no trace.
    const search = platform.process.terminal() === null
      ? Output.toErrors(platform.process)
      : output;
    const { meta, exitCode } = await openSource(
      { ...context, output: search },
      json ? "quiet" : "auto",
      {
        sources: operands,
        client: clientOptions(values),
        state: stateChoice(values, platform.process),
        add: { dir: ".", ...swarmOptions(values) },
        giveUpAfter: GIVE_UP_DEFAULT,
      },
    );
    await search.flush();
    if (meta === null) return exitCode;
    if (json) output.line(safeJson(describeAsData(meta)));
    else output.write(describeAsText(meta, { unicode: showsUnicode(platform.process) }));
    return EXIT_DONE;
  },
});
