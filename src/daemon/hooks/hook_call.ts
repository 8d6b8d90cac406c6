/** Calls one hook: a program, or a URL with retries. */
import type { Clock, Http, Process, Programs } from "../../platform/types.ts";
import { FileError, NetError } from "../../util/errors.ts";
import type { Log } from "../log.ts";
import type { HookSetting } from "../options.ts";
import { environmentOf, type HookFacts } from "./hook_facts.ts";

/** A program that runs longer is ended. */
const PROGRAM_MS = 10 * 60_000;
const OUTPUT = 4000;
const POST_MS = 10_000;
const MAX_ANSWER = 64 * 1024;
/** Before each further try of a URL; after the last one it is given up. */
export const RETRY_MS: readonly number[] = [10_000, 60_000, 5 * 60_000, 30 * 60_000];
/** What programs need of our environment; passwords and tokens may be in the rest. */
const INHERITED = ["PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "SystemRoot"];

export interface CallPorts {
  readonly clock: Clock;
  readonly http: Pick<Http, "request">;
  readonly programs: Programs;
  readonly process: Pick<Process, "env">;
}

/** "given-up" and "called" are final; "failed" may be tried again. */
export type CallOutcome = "called" | "failed" | "given-up";

/** A hook that has not changed has the same key, also after a restart. */
export function keyOf({ argv, url }: HookSetting): string {
  return JSON.stringify(argv ?? url ?? null);
}

/** Called once it runs. Resolves when it has ended. Never rejects. */
export async function runProgram(
  ports: CallPorts,
  argv: readonly string[],
  facts: HookFacts,
  { log, started, signal }: { log: Log; started: () => void; signal: AbortSignal },
): Promise<void> {
  const { programs, clock } = ports, [program = ""] = argv;
  const env = { ...inherited(ports), ...environmentOf(facts) };
  try {
    const running = await programs.start({ argv, env, maxOutput: OUTPUT });
    started();
    const end = () => running.end();
    const limit = clock.after(PROGRAM_MS, end);
    signal.addEventListener("abort", end);
    const { code, output } = await running.ended;
    signal.removeEventListener("abort", end);
    limit.cancel();
    const fields = { event: facts.event, program, code, output: output.trim() };
    if (code === 0) log.info("A hook has run", fields);
    else log.warn("A hook failed", fields);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    started(); // it will not be there the next time either
    log.error(`A hook cannot be started: ${error.message}`, { event: facts.event });
  }
}

function inherited({ process }: CallPorts): Record<string, string> {
  const pairs = INHERITED.map((name) => [name, process.env(name)] as const);
  return Object.fromEntries(
    pairs.filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
}

/** One try. Never rejects. */
export async function post(
  { http }: CallPorts,
  url: string,
  facts: HookFacts,
  { log, signal }: { log: Log; signal: AbortSignal },
): Promise<CallOutcome> {
  if (!URL.canParse(url)) {
    log.error("A hook has neither a program nor a URL", { event: facts.event });
    return "given-up";
  }
  const { host } = new URL(url), fields = { event: facts.event, host };
  try {
    const { status } = await http.request({
      method: "POST",
      url,
      headers: { "content-type": "application/json" },
      body: new TextEncoder().encode(JSON.stringify(facts)),
      timeoutMs: POST_MS,
      maxBytes: MAX_ANSWER,
      signal,
    });
    if (status >= 200 && status < 300) return "called";
    log.warn("A hook was refused", { ...fields, status });
    const mayPass = status >= 500 || status === 408 || status === 429;
    return mayPass ? "failed" : "given-up";
  } catch (error) {
    if (!(error instanceof NetError)) throw error;
    if (!signal.aborted) log.warn(`A hook was not reached: ${error.code}`, fields);
    return "failed";
  }
}
