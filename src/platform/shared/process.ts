/** The process and its terminal over node:process. */
import process from "node:process";
import { createInterface } from "node:readline";
import type { Process } from "../types.ts";

export function createProcess(): Process {
  // A reader that went away (`| head`) shows as an error event; nobody is left to tell.
  process.stdout.on("error", () => {});
  process.stderr.on("error", () => {});
  return {
    args: process.argv.slice(2),
    os: process.platform === "win32" ? "windows" : process.platform,
    pid: process.pid,
    env: (name) => process.env[name],
    out: (text) => print(process.stdout, text),
    err: (text) => print(process.stderr, text),
    terminal,
    readLine,
    onInterrupt,
    exitCode(code) {
      process.exitCode = code;
    },
    exit: (code) => process.exit(code),
    residentBytes: () => process.memoryUsage().rss,
  };
}

/** Waits for the callback: Bun cuts a pipe's output at 64 KiB when the process exits before it. */
function print(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve) => {
    stream.write(text, () => resolve());
  });
}

function readLine(): Promise<string | null> {
  const { stdin } = process;
  return new Promise((resolve) => {
    const lines = createInterface({ input: stdin });
    const end = (line: string | null) => {
      resolve(line);
      lines.close();
      stdin.unref?.(); // nothing more is read, so it need not keep the process alive
    };
    lines.once("line", end);
    lines.once("close", () => end(null));
  });
}

function terminal(): ReturnType<Process["terminal"]> {
  const { stdout } = process;
  if (!stdout.isTTY) return null;
  const { columns, rows } = stdout;
  return { columns: columns || 80, rows: rows || 24, color: stdout.hasColors?.() ?? false };
}

function onInterrupt(fn: () => void): ReturnType<Process["onInterrupt"]> {
  process.on("SIGINT", fn);
  process.on("SIGTERM", fn);
  return {
    cancel() {
      process.off("SIGINT", fn);
      process.off("SIGTERM", fn);
    },
  };
}
