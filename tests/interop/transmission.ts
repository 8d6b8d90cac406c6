/** Transmission's daemon with one torrent, in a network namespace or here. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { keep } from "./keep.ts";
import { demand } from "./needs.ts";
import { freePort } from "./ports.ts";
import type { Program } from "./program.ts";
import type { Scene } from "./scene.ts";
import { until } from "./until.ts";

export interface Transmission {
  program: Program;
  /** What transmission-remote prints about the torrent, for instance for "--info". */
  ask(...args: string[]): Promise<string>;
}

/**
 * Starts it and gives it the torrent; it takes what is in `dir` and asks the torrent's trackers for
 * the rest. `enter` is the command that runs another one in the namespace: it talks to no peer in
 * 127.0.0.0/8. `more` goes into its settings.json; `nodes`, "address:port", into the list from which
 * its DHT starts. `torrent` is a path or a magnet link.
 */
export async function startTransmission(
  scene: Scene,
  torrent: string,
  dir: string,
  enter: readonly string[],
  more: Readonly<Record<string, unknown>> = {},
  nodes: readonly string[] = [],
): Promise<Transmission> {
  demand("transmission");
  const rpcPort = await freePort();
  const peerPort = await freePort();
  const config = scene.folder();
  const settings = { ...settingsFor(dir, rpcPort, peerPort), ...more };
  writeFileSync(join(config, "settings.json"), JSON.stringify(settings));
  const lines = nodes.map((at) => `${at.replace(":", " ")}\n`);
  writeFileSync(join(config, "dht.bootstrap"), lines.join(""));
  const program = keep(scene, [
    ...enter,
    "transmission-daemon",
    "--foreground",
    `--config-dir=${config}`,
  ]);
  const remote = async (...args: string[]) => {
    const command = [...enter, "transmission-remote", `127.0.0.1:${rpcPort}`, ...args];
    const { code, lines, stderr } = await scene.start(command).ended;
    if (program.result !== null) throw new Error(`transmission ended: ${program.stderr}`);
    return { code, text: [...lines, stderr].join("\n") };
  };
  // The daemon answers only once it is up; until then the command fails and is tried again.
  await until("transmission takes the torrent", async () => {
    const { code, text } = await remote("--add", torrent, "--download-dir", dir);
    return code === 0 && text.includes("success");
  });
  return { program, ask: async (...args) => (await remote("--torrent", "1", ...args)).text };
}

/** Nothing but the transfer, and files named as in the torrent from the start. */
function settingsFor(dir: string, rpcPort: number, peerPort: number) {
  return {
    "download-dir": dir,
    "peer-port": peerPort,
    "rpc-port": rpcPort,
    "rpc-bind-address": "127.0.0.1",
    "rpc-whitelist-enabled": false,
    "rpc-host-whitelist-enabled": false,
    "dht-enabled": false,
    "lpd-enabled": false,
    "pex-enabled": false,
    "utp-enabled": false,
    "port-forwarding-enabled": false,
    "rename-partial-files": false,
    "trash-original-torrent-files": false,
  };
}
