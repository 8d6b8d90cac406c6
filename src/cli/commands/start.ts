/** `shoal start`: starts torrents of the daemon. */
import { simpleAction } from "../remote/simple_action.ts";

export const startCommand = simpleAction({
  name: "start",
  summary: "Starts stopped, failed or finished torrents of the daemon",
  details: "A torrent that had reached its seed goal seeds until the goal is changed.",
  examples: ["shoal start debian", "shoal start --label films", "shoal start --all"],
  path: "start",
  done: "Started",
});
