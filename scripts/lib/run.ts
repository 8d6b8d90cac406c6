/** Runs child processes for the scripts: captured output, a time limit, several at once. */

import { spawn } from "node:child_process";
import process from "node:process";
import { projectRoot } from "./runtimes.ts";

export interface RunResult {
  /** Exit code; null when a signal ended it. */
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
  /** True when it was ended because it took longer than allowed. */
  timedOut: boolean;
  seconds: number;
}

export interface RunOptions {
  cwd?: string;
  /** Added to this process's own environment. */
  env?: Record<string, string>;
  timeoutMs?: number;
  /** Shows the output as it comes instead of capturing it. */
  show?: boolean;
}

/** Runs a program to its end. Rejects only when it cannot be started. */
export function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? projectRoot,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", options.show ? "inherit" : "pipe", options.show ? "inherit" : "pipe"],
    });
    let timedOut = false;
    const limit = options.timeoutMs === undefined ? undefined : setTimeout(() => {
      timedOut = true;
      child.kill("SIGKILL");
    }, options.timeoutMs);
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    child.once("error", (error) => {
      clearTimeout(limit);
      reject(new Error(`cannot run ${command}: ${error.message}`, { cause: error }));
    });
    const finish = (code: number | null, signal: string | null) => {
      clearTimeout(limit);
      const seconds = (performance.now() - start) / 1000;
      resolve({ code, signal, stdout: stdout(), stderr: stderr(), timedOut, seconds });
    };
    child.once("close", finish);
    // A grandchild that outlives the child holds the pipes open: do not wait for it for ever.
    child.once("exit", (code, signal) => {
      setTimeout(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
        finish(code, signal);
      }, 3000).unref();
    });
  });
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  const parts: string[] = [];
  stream?.setEncoding("utf8");
  stream?.on("data", (text: string) => parts.push(text));
  return () => parts.join("");
}

/** Runs every job, at most `width` at once, in order of the list. */
export async function runAll(
  jobs: readonly (() => Promise<void>)[],
  width: number,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    for (let job = jobs[next++]; job !== undefined; job = jobs[next++]) await job();
  };
  await Promise.all(Array.from({ length: width }, lane));
}
