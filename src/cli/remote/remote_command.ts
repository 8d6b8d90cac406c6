/** Commands that control a daemon: what all of them share. */
import type { Platform } from "../../platform/types.ts";
import type { Flags, ValuesOf } from "../args.ts";
import { type CliContext, type Command, type CommandSpec, defineCommand } from "../command.ts";

import type { Output } from "../output.ts";
import { type Column, tableLines } from "../render/columns.ts";
import { safeJson } from "../render/text.ts";
import { connect, REMOTE_FLAGS } from "./connection.ts";
import type { Remote } from "./remote.ts";

type RemoteFlags = typeof REMOTE_FLAGS;

/** What a remote command works with. */
export interface Session {
  readonly remote: Remote;
  readonly platform: Platform;
  readonly output: Output;
  readonly json: boolean;
}

type RemoteSpec<F extends Flags> = Omit<CommandSpec<F>, "run"> & {
  /** Resolves to the exit code. */
  run(session: Session, values: ValuesOf<F>, operands: readonly string[]): Promise<number>;
};

export function defineRemote<F extends Flags>(spec: RemoteSpec<F>): Command {
  return defineCommand({
    ...spec,
    flags: { ...spec.flags, ...REMOTE_FLAGS },
    async run(context, given, operands) {
      const values = given as ValuesOf<F> & ValuesOf<RemoteFlags>;
      return await spec.run(await sessionOf(context, values), values, operands);
    },
  });
}

export async function sessionOf(
  context: CliContext,
  values: ValuesOf<RemoteFlags>,
): Promise<Session> {
  const { platform, output } = context;
  return { remote: await connect(context, values), platform, output, json: values.json };
}

/** One JSON object a line, or a table that fits the terminal. */
export function printRows<T>(
  { output, platform, json }: Session,
  columns: readonly Column<T>[],
  rows: readonly T[],
): void {
  if (json) return rows.forEach((row) => output.line(safeJson(row)));
  const width = platform.process.terminal()?.columns || Infinity;
  for (const line of tableLines(columns, rows, width)) output.line(line);
}

/** "Started NAME", or an object. */
export function printDone(
  { output, json }: Session,
  text: string,
  facts: Readonly<Record<string, unknown>>,
): void {
  output.line(json ? safeJson(facts) : text);
}

/** Whether the user says yes. */
export async function confirm({ process }: Platform, question: string): Promise<boolean> {
  await process.out(`${question} (y/N) `);
  const answer = (await process.readLine() ?? "").trim().toLowerCase();
  return answer === "y" || answer === "yes";
}
