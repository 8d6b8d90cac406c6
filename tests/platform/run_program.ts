/** Runs small programs on this runtime, for what can only be seen from outside a process. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

export const ROOT = join(import.meta.dirname!, "../..");
export const DENO = join(ROOT, "node_modules/.bin/deno");
export const BUN = join(ROOT, "node_modules/.bin/bun");

/** The import of `selectPlatform` for a program that lies anywhere; bun build takes no file URLs. */
export const IMPORT_SELECT = `import { selectPlatform } from ${
  JSON.stringify(join(ROOT, "src/platform/select.ts").replaceAll("\\", "/"))
};\n`;

/** A folder that `dispose` removes. */
export function tempFolder(): { path: string; dispose(): void } {
  const path = mkdtempSync(join(tmpdir(), "shoal-program-"));
  return { path, dispose: () => rmSync(path, { recursive: true, force: true }) };
}

export function writeProgram(folder: string, name: string, source: string): string {
  const path = join(folder, name);
  writeFileSync(path, source);
  return path;
}

/** The command that runs a script on the runtime of this test. */
export function runtimeCommand(script: string): [command: string, args: string[]] {
  return "Bun" in globalThis
    ? [process.execPath, ["--no-install", script]]
    : [process.execPath, ["run", "-A", "--no-check", script]];
}

export function start(command: string, args: readonly string[]): ChildProcess {
  return spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
}

/** Waits for the end; `out` is the whole standard output. */
export async function finished(
  child: ChildProcess,
): Promise<{ code: number | null; signal: string | null; out: string; err: string }> {
  let [out, err] = ["", ""];
  child.stdout!.on("data", (chunk) => out += chunk);
  child.stderr!.on("data", (chunk) => err += chunk);
  const [code, signal] = await once(child, "close");
  return { code, signal, out, err };
}
