/** `shoal stop`: stops torrents of the daemon. */
import { simpleAction } from "../remote/simple_action.ts";

export const stopCommand = simpleAction({
  name: "stop",
  summary: "Stops torrents of the daemon until they are started",
  details: "They stay stopped when the daemon restarts. Progress and files are kept.",
  examples: ["shoal stop debian", "shoal stop --all"],
  path: "pause",
  done: "Stopped",
});
