/** A daemon and a person with a command line, on one simulated machine. */
import assert from "node:assert/strict";
import { allCommands } from "../../src/cli/commands.ts";
import { runCli } from "../../src/cli/main.ts";
import type { Platform } from "../../src/platform/types.ts";
import { ApiWorld, torrentBytes, UNIX } from "../daemon/api/api_harness.ts";
import { FakeProcess } from "./fakes.ts";

// Loaded when they are needed, which takes real time: before the simulated clock runs.
await allCommands();

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export class RemoteWorld {
  readonly api: ApiWorld;

  private constructor(api: ApiWorld) {
    this.api = api;
  }

  static async open(config: object = {}): Promise<RemoteWorld> {
    const made = new RemoteWorld(await ApiWorld.open(config)), { node, world } = made.api;
    for (const name of ["film", "book", "films"]) {
      await world.wait(node.files.writeWhole(`/home/${name}.torrent`, torrentBytes(name)));
    }
    // As the command does it before it opens the settings.
    await world.wait(node.files.writeWhole("/state/daemon.json", note(UNIX)));
    return made;
  }

  async run(
    args: string,
    { env = {}, typed, columns }: {
      env?: Record<string, string>;
      typed?: string[];
      columns?: number;
    } = {},
  ): Promise<Ran> {
    const process = new FakeProcess(args.split(" "), { SHOAL_STATE_DIR: "/state", ...env });
    if (typed !== undefined) process.typed = typed;
    if (typed !== undefined || columns !== undefined) {
      process.size = { columns: columns ?? 80, rows: 24, color: false };
    }
    await this.api.world.wait(this.start(process));
    return { code: process.code, out: process.printed, err: process.errors };
  }

  /** Resolves when the command has ended. */
  start(process: FakeProcess): Promise<void> {
    const { node } = this.api;
    // The daemon's hasher must survive the command.
    const hasher = Object.create(node.hasher, { close: { value: () => {} } });
    const platform: Platform = Object.create(node, {
      process: { value: process },
      hasher: { value: hasher },
    });
    return runCli(platform, () => Promise.reject(new Error("no client of its own")));
  }

  /** Printed without an error. */
  async says(args: string, options = {}): Promise<string> {
    const { code, out, err } = await this.run(args, options);
    assert.deepEqual([code, err], [0, ""], `shoal ${args}`);
    return out;
  }

  close(): Promise<void> {
    return this.api.close();
  }
}

function note(unix: string | null): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ pid: 1, unix, listen: null }));
}
