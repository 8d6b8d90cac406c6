/** The process and its terminal over node:process. */
import { readFileSync } from "node:fs";
import process from "node:process";
import type { Process, Timer } from "../types.ts";
import { errnoOf, fileError } from "./errno.ts";
import { LineReader } from "./line_reader.ts";

const lines = new LineReader(process.stdin);

export function createProcess(): Process {
  // Errors of a write are told by its callback; an unheard event would end the process.
  process.stdout.on("error", () => {});
  process.stderr.on("error", () => {});
  return {
    args: process.argv.slice(2),
    pid: process.pid,
    os: process.platform === "win32" ? "windows" : process.platform,
    env,
    out: (text) => print(process.stdout, "standard output", text),
    err: (text) => print(process.stderr, "standard error", text),
    terminal,
    readLine: () => lines.next(),
    onInterrupt,
    onContinue: (fn) => onSignals(["SIGCONT"], fn),
    exitCode(code) {
      process.exitCode = code;
    },
    exit: (code) => process.exit(code),
    residentBytes: () => process.memoryUsage().rss,
    waitedMs,
  };
}

/** Deno's sandbox throws for a variable that may not be read: then it is as if not set. */
function env(name: string): string | undefined {
  try {
    return process.env[name];
  } catch {
    return undefined;
  }
}

/**
 * Waits for the callback: Bun cuts a pipe's output at 64 KiB when the process exits before it. Deno
 * writes to files at once and throws.
 */
function print(stream: NodeJS.WriteStream, name: string, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (error?: unknown) => {
      // The reader went away (`| head`): nobody is left to tell.
      if (!error || errnoOf(error) === "EPIPE") resolve();
      else reject(fileError("write", name, error));
    };
    try {
      stream.write(text, end);
    } catch (error) {
      end(error);
    }
  });
}

/** Node's own question about colours reads a dozen variables, which Deno's sandbox may ask about. */
function terminal(): ReturnType<Process["terminal"]> {
  const { stdout } = process;
  if (!stdout.isTTY) return null;
  const { columns, rows } = stdout;
  return { columns: columns || 80, rows: rows || 24, color: true };
}

/** A closed terminal sends SIGHUP twice, once by the system and once by the shell. */
function onInterrupt(fn: () => void): Timer {
  let asked = false;
  const interrupt = () => {
    asked = true;
    fn();
  };
  // Also heard where it is ignored: Deno gives it its usual effect once any signal is listened to.
  const hangup = () => {
    if (!asked && !hangupIsIgnored) interrupt();
  };
  const handlers = [onSignals(["SIGINT", "SIGTERM"], interrupt), onSignals(["SIGHUP"], hangup)];
  return {
    cancel() {
      for (const handler of handlers) handler.cancel();
    },
  };
}

/** As `nohup` wants it; looked at before a handler of ours changes it. */
const hangupIsIgnored = ((): boolean => {
  try {
    const ignored = /^SigIgn:\s*[0-9a-f]*([0-9a-f])$/m.exec(
      readFileSync("/proc/self/status", "utf8"),
    );
    if (ignored !== null) return (parseInt(ignored[1]!, 16) & 1) !== 0;
  } catch {
    // No Linux, or no permission to look.
  }
  return ![process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY);
})();

/** Asked once at start: a sandbox that has to ask the user must not do so in the middle of a download. */
let waitsAreTold = true;
waitedMs();

function waitedMs(): number {
  if (!waitsAreTold) return 0;
  try {
    const [, waitedNs] = readFileSync("/proc/thread-self/schedstat", "utf8").split(" ");
    return Number(waitedNs) / 1e6;
  } catch {
    waitsAreTold = false;
    return 0;
  }
}

function onSignals(names: readonly NodeJS.Signals[], fn: () => void): Timer {
  const heard = names.filter((name) => {
    try {
      process.on(name, fn);
      return true;
    } catch {
      return false; // not on this system
    }
  });
  return {
    cancel() {
      for (const name of heard) process.off(name, fn);
    },
  };
}
