/** Other programs over node:child_process, which is loaded with the first one. */
import process from "node:process";
import type { ProgramEnd, Programs, ProgramStart, RunningProgram } from "../types.ts";
import { fileError } from "./errno.ts";

/** Between asking a program to end and ending it. */
const GRACE_MS = 5000;
/** A program that it leaves behind may keep its output open. */
const OUTPUT_MS = 1000;

type Child = ReturnType<typeof spawn>;

export function createPrograms(): Programs {
  return { start };
}

async function start(program: ProgramStart): Promise<RunningProgram> {
  const { argv: [path = ""] } = program;
  let child: Child;
  try {
    child = spawn(program);
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
  } catch (error) {
    throw fileError("start", path, error);
  }
  child.on("error", () => {}); // of a signal that comes too late
  const ended = endOf(child, program.maxOutput);
  return { ended, end: () => end(child, ended) };
}

/** A group of its own, so that all of it can be ended. */
function spawn({ argv: [path = "", ...rest], env }: ProgramStart) {
  const { spawn } = process.getBuiltinModule("node:child_process");
  return spawn(path, rest, {
    env: { ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: process.platform !== "win32",
    windowsHide: true,
  });
}

function endOf(child: Child, maxOutput: number): Promise<ProgramEnd> {
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => output = (output + text).slice(-maxOutput));
    stream.on("error", () => {});
  }
  return new Promise((resolve) => {
    child.once("close", (code) => resolve({ code, output }));
    child.once("exit", (code) => {
      setTimeout(() => {
        for (const stream of [child.stdout, child.stderr]) stream.destroy();
        resolve({ code, output });
      }, OUTPUT_MS).unref();
    });
  });
}

function end(child: Child, ended: Promise<unknown>): void {
  signal(child, "SIGTERM");
  const timer = setTimeout(() => signal(child, "SIGKILL"), GRACE_MS);
  void ended.then(() => clearTimeout(timer));
}

function signal(child: Child, name: NodeJS.Signals): void {
  try {
    if (process.platform === "win32") child.kill(name);
    else process.kill(-child.pid!, name);
  } catch {
    // It has ended.
  }
}
