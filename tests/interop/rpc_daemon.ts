/** `shoal daemon` for the clients of the Transmission RPC. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./ports.ts";
import type { Program } from "./program.ts";
import type { Scene } from "./scene.ts";
import { shoalCommand } from "./shoal.ts";
import { until } from "./until.ts";

export interface RpcDaemon {
  /** Of the API, on 127.0.0.1. */
  port: number;
  /** The root that callers may name; downloads go to its folder "adl". */
  folder: string;
  program: Program;
}

/** Started and listening, without a password. `settings` are further ones of config.jsonc. */
export async function startRpcDaemon(
  scene: Scene,
  settings: Record<string, unknown> = {},
): Promise<RpcDaemon> {
  const folder = scene.folder();
  const config = join(folder, "config.jsonc");
  const port = await freePort();
  mkdirSync(join(folder, "adl"));
  writeFileSync(
    config,
    JSON.stringify({
      torrents: { dir: join(folder, "adl") },
      roots: [folder],
      listen: `127.0.0.1:${port}`,
      unix: "",
      dht: false,
      lsd: false,
      ...settings,
    }),
  );
  const args = ["daemon", "--config", config, "--state-dir", join(folder, "state")];
  const program = scene.start([...shoalCommand(), ...args], { ignoresInput: true });
  await until("the API listens", () => program.stderr.includes("The API listens"));
  return { port, folder, program };
}
