/**
 * Where this checkout's own Deno and Bun are. They come from npm as dev dependencies; what npm links
 * into node_modules/.bin only works when the packages' install scripts were allowed to run, so the
 * platform packages beside them are tried as well.
 */

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** The folder that holds package.json. */
export const projectRoot: string = dirname(
  dirname(dirname(fileURLToPath(import.meta.url))),
);

export type RuntimeName = "deno" | "bun";

/** The runtime that runs this very script. */
export const thisRuntime: RuntimeName = "Bun" in globalThis ? "bun" : "deno";

const found = new Map<RuntimeName, string>();

/**
 * The path of a runtime that answers `--version`. Throws with what to do when there is none: a
 * missing runtime must never pass as a skipped test.
 */
export function findRuntime(name: RuntimeName): string {
  const known = found.get(name);
  if (known !== undefined) return known;
  for (const path of candidates(name)) {
    if (!existsSync(path) || !answers(path)) continue;
    found.set(name, path);
    return path;
  }
  throw new Error(`no working ${name} in node_modules: run "npm install" in ${projectRoot}`);
}

function candidates(name: RuntimeName): string[] {
  const modules = join(projectRoot, "node_modules");
  const file = process.platform === "win32" ? `${name}.exe` : name;
  const scope = join(modules, name === "deno" ? "@deno" : "@oven");
  const packages = existsSync(scope) ? readdirSync(scope).sort() : [];
  return [
    ...(name === thisRuntime ? [process.execPath] : []),
    join(modules, ".bin", file),
    ...packages.flatMap((p) => [join(scope, p, "bin", file), join(scope, p, file)]),
  ];
}

function answers(path: string): boolean {
  const probe = spawnSync(path, ["--version"], { encoding: "utf8", timeout: 20_000 });
  return probe.status === 0 && /\d+\.\d+\.\d+/.test(probe.stdout);
}
