/** The process and its terminal over node:process. */
import { readFileSync } from "node:fs";
import process from "node:process";
import type { Process, Timer } from "../types.ts";
import { errnoOf, fileError } from "./errno.ts";
import { type OpenLibc, serviceSocket } from "./service_socket.ts";
import { LineReader } from "./line_reader.ts";

const lines = new LineReader(process.stdin);

export function createProcess(openLibc: OpenLibc): Process {
  // The callback of a write reports its errors; an unhandled event would end the process.
  process.stdout.on("error", () => {});
  process.stderr.on("error", () => {});
  return {
    args: process.argv.slice(2),
    pid: process.pid,
    os: process.platform === "win32" ? "windows" : process.platform,
    env,
    variables,
    out: (text) => print(process.stdout, "standard output", text),
    err: (text) => print(process.stderr, "standard error", text),
    terminal,
    readLine: () => lines.next(),
    onKeys,
    onInterrupt,
    onHangup,
    onContinue: (fn) => onSignals(["SIGCONT"], fn),
    exitCode(code) {
      process.exitCode = code;
    },
    exit: (code) => process.exit(code),
    residentBytes: () => process.memoryUsage().rss,
    waitedMs,
    notify: serviceSocket(openLibc),
  };
}

/** Deno's sandbox throws for a variable that may not be read: it then counts as not set. */
function env(name: string): string | undefined {
  try {
    return process.env[name];
  } catch {
    return undefined;
  }
}

function variables(prefix: string): Record<string, string> {
  try {
    const names = Object.keys(process.env).filter((name) => name.startsWith(prefix));
    return Object.fromEntries(names.map((name) => [name, process.env[name]!]));
  } catch {
    return {};
  }
}

/**
 * Waits for the callback: Bun truncates a pipe's output at 64 KiB if the process exits before it.
 * Deno writes to files at once and throws.
 */
function print(stream: NodeJS.WriteStream, name: string, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (error?: unknown) => {
      // The reader closed (`| head`): no one is left to tell.
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

/** Node's own check for colours reads a dozen variables, and Deno's sandbox may ask about each. */
function terminal(): ReturnType<Process["terminal"]> {
  const { stdout } = process;
  if (!stdout.isTTY) return null;
  const { columns, rows } = stdout;
  return { columns: columns || 80, rows: rows || 24, color: true };
}

function onKeys(fn: (keys: string) => void): Timer | null {
  const { stdin } = process;
  if (!stdin.isTTY) return null;
  const decoder = new TextDecoder();
  const heard = (bytes: Uint8Array) => fn(decoder.decode(bytes, { stream: true }));
  stdin.setRawMode(true);
  stdin.on("data", heard);
  stdin.ref();
  stdin.resume();
  return {
    cancel() {
      stdin.off("data", heard);
      stdin.setRawMode(false);
      stdin.pause();
      stdin.unref();
    },
  };
}

/** Those that take SIGHUP for something else than the end of the terminal. */
const hangups = new Set<() => void>();

function onHangup(fn: () => void): Timer {
  const own = () => fn();
  hangups.add(own);
  const signals = onSignals(["SIGHUP"], own);
  return {
    cancel() {
      hangups.delete(own);
      signals.cancel();
    },
  };
}

/** A closed terminal sends SIGHUP twice, once from the system and once from the shell. */
function onInterrupt(fn: () => void): Timer {
  let asked = false;
  const interrupt = () => {
    asked = true;
    fn();
  };
  // Handled even if it is ignored: Deno restores its default effect once any signal is handled.
  const hangup = () => {
    if (!asked && hangups.size === 0 && !hangupIsIgnored) interrupt();
  };
  const handlers = [onSignals(["SIGINT", "SIGTERM"], interrupt), onSignals(["SIGHUP"], hangup)];
  return {
    cancel() {
      for (const handler of handlers) handler.cancel();
    },
  };
}

/** As `nohup` sets it; checked before our own handler changes it. */
const hangupIsIgnored = ((): boolean => {
  try {
    const ignored = /^SigIgn:\s*[0-9a-f]*([0-9a-f])$/m.exec(
      readFileSync("/proc/self/status", "utf8"),
    );
    if (ignored !== null) return (parseInt(ignored[1]!, 16) & 1) !== 0;
  } catch {
    // Not Linux, or no permission to read.
  }
  return ![process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY);
})();

/** Asked once at start: a sandbox must not ask the user in the middle of a download. */
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
