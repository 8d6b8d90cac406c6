/** `shoal download` with a client that only does what the test says. */
import assert from "node:assert/strict";
import type { CliContext } from "../../src/cli/command.ts";
import { downloadCommand } from "../../src/cli/commands/download.ts";
import { Output } from "../../src/cli/output.ts";
import { type FakeWorld, fakeWorld, until } from "./fakes.ts";

export interface FakeRun {
  world: FakeWorld;
  code: Promise<number>;
  context: CliContext;
}

/** Starts `shoal download` with the given arguments and lets it come to its first wait. */
export async function start(args: readonly string[], world = fakeWorld(args)): Promise<FakeRun> {
  const { platform, process } = world;
  const context = { platform, output: new Output(process), openClient: world.openClient };
  const stateless = world.process.env("HOME") === undefined && !args.includes("--state-dir");
  const line = stateless ? [...args, "--no-state"] : args;
  const code = downloadCommand.start(context, line, () => assert.fail("no help was asked for"));
  let over = false;
  code.catch(() => {}).finally(() => over = true);
  await until(() => over || world.client.added.length > 0);
  return { world, code, context };
}

export async function ended(run: FakeRun): Promise<number> {
  const code = await run.code;
  await run.context.output.flush();
  return code;
}
