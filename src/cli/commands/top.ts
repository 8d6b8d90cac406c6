/** `shoal top`: the torrents of the daemon on the whole screen, live, with keys. */
import { EXIT_DONE, UsageError } from "../errors.ts";
import { defineRemote } from "../remote/remote_command.ts";
import { liveTerminal } from "../render/terminal.ts";

export const topCommand = defineRemote({
  name: "top",
  operands: "",
  count: [0, 0],
  summary: "Shows the torrents of the daemon live, with keys to control them",
  details: "? lists the keys. Quitting leaves the daemon alone.",
  examples: ["shoal top", "shoal top --url http://seedbox:9091"],
  flags: {},
  async run(session) {
    const { process } = session.platform, terminal = liveTerminal(process);
    if (session.json) throw new UsageError("--json is for scripts: use shoal list --json");
    if (terminal === null) throw new UsageError("This is no terminal: use shoal list");
    const { Top } = await import("../top/top.ts");
    await new Top(session, terminal).run();
    return EXIT_DONE;
  },
});
