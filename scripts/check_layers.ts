/**
 * Holds the import table of src (scripts/lib/layers.ts): fails on an import that goes the wrong
 * way, on a run-time cycle, on names that only the platform may use, on a file with a class that
 * imports too many others, and on a class that shows too many members. Run it with
 * `deno run -A scripts/check_layers.ts [root]`.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix, relative, sep } from "node:path";
import process from "node:process";
import {
  bans,
  importCeilings,
  layerOf,
  maxImports,
  maxMembers,
  mayImport,
  mayNameRuntime,
  memberCeilings,
  packages,
  typesForAll,
} from "./lib/layers.ts";
import { projectRoot } from "./lib/runtimes.ts";
import {
  classesIn,
  type ImportStatement,
  lineAt,
  type Scanned,
  scanSource,
} from "./lib/source_scan.ts";

export interface Problem {
  /** Path from the root, with "/". */
  file: string;
  line: number;
  /** What is wrong and what to do instead. */
  message: string;
}

/** By file: imports, or members of one class, above the cap. */
export interface Ceilings {
  readonly imports: Readonly<Record<string, number>>;
  readonly members: Readonly<Record<string, number>>;
}

const ourCeilings: Ceilings = { imports: importCeilings, members: memberCeilings };

/** Everything wrong under `root`, in order of file and line. */
export function checkLayers(root: string, ceilings = ourCeilings): Problem[] {
  const files = sourceFiles(root);
  const problems: Problem[] = [];
  const graph = new Map<string, ImportStatement[]>();
  for (const file of files) {
    const text = readFileSync(join(root, file), "utf8");
    const scanned = scanSource(text);
    problems.push(...checkCaps(file, scanned, ceilings), ...checkNames(file, scanned));
    problems.push(...scanned.imports.flatMap((one) => checkImport(root, file, one)));
    graph.set(file, scanned.imports);
  }
  problems.push(...findCycles(graph));
  return problems.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line));
}

function sourceFiles(root: string): string[] {
  const src = join(root, "src");
  const inside = existsSync(src)
    ? readdirSync(src, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(ts|js)$/.test(entry.name))
      .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"))
    : [];
  return [...inside.sort(), ...(existsSync(join(root, "mod.ts")) ? ["mod.ts"] : [])];
}

function checkCaps(file: string, { code, imports }: Scanned, ceilings: Ceilings): Problem[] {
  const classes = classesIn(code);
  if (classes.length === 0) return [];
  const count = new Set(imports.map(({ specifier }) => specifier)).size;
  const most = Math.max(...classes.map(({ members }) => members.size));
  const widest = classes.find(({ members }) => members.size === most)!;
  const about = `class ${widest.name} shows ${most} members`;
  return [
    ...checkCap(file, 1, `imports ${count} files`, count, maxImports, ceilings.imports[file]),
    ...checkCap(file, widest.line, about, most, maxMembers, ceilings.members[file]),
  ];
}

function checkCap(
  file: string,
  line: number,
  about: string,
  count: number,
  cap: number,
  ceiling = cap,
): Problem[] {
  if (count > ceiling) {
    return [{ file, line, message: `${about}, more than ${ceiling}: split it by subject` }];
  }
  if (ceiling === cap || count === ceiling) return [];
  const then = count > cap ? `lower its ceiling to ${count}` : "remove its ceiling";
  return [{ file, line, message: `${about}: ${then} in scripts/lib/layers.ts` }];
}

function checkNames(file: string, { code }: Scanned): Problem[] {
  if (mayNameRuntime(file)) return [];
  return bans.flatMap((ban) =>
    [...code.matchAll(ban.pattern)].map((match) => ({
      file,
      line: lineAt(code, match.index),
      message: `names ${ban.name}: ${ban.instead}`,
    }))
  );
}

function checkImport(root: string, file: string, one: ImportStatement): Problem[] {
  const problem = (message: string) => [{ file, line: one.line, message }];
  const { specifier } = one;
  if (specifier.startsWith("node:")) {
    return mayNameRuntime(file)
      ? []
      : problem(`imports ${specifier}: add what is needed to the Platform seam`);
  }
  if (!specifier.startsWith(".")) {
    if (packages.includes(specifier)) return [];
    return problem(`imports "${specifier}": src may import only ${packages.join(" and ")}`);
  }
  const target = resolveImport(file, specifier);
  if (!existsSync(join(root, target))) return problem(`imports ${target}, which does not exist`);
  return checkDirection(file, target, one.typeOnly).flatMap(problem);
}

function checkDirection(file: string, target: string, typeOnly: boolean): string[] {
  const [from, to] = [layerOf(file), layerOf(target)];
  const allowed = mayImport[from];
  if (allowed === undefined) {
    return [`${from} is in no layer: give it a place in scripts/lib/layers.ts`];
  }
  if (from === to || allowed.includes(to)) return [];
  if (typesForAll.includes(to)) {
    return typeOnly ? [] : [`imports ${target} at run time: write "import type"`];
  }
  return [
    `${from} must not import ${to} (${target}): declare the small interface it needs and let the ` +
    `layer above hand it in`,
  ];
}

function resolveImport(file: string, specifier: string): string {
  return posix.normalize(posix.join(posix.dirname(file), specifier));
}

/** Each run-time cycle once, reported at the import that closes it. */
function findCycles(graph: ReadonlyMap<string, ImportStatement[]>): Problem[] {
  const problems: Problem[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string) => {
    path.push(file);
    for (const one of graph.get(file) ?? []) {
      if (one.typeOnly || !one.specifier.startsWith(".")) continue;
      const target = resolveImport(file, one.specifier);
      const start = path.indexOf(target);
      if (start !== -1) {
        const ring = [...path.slice(start), target].join(" -> ");
        problems.push({ file, line: one.line, message: `import cycle: ${ring}` });
      } else if (!done.has(target) && graph.has(target)) visit(target);
    }
    path.pop();
    done.add(file);
  };
  for (const file of graph.keys()) if (!done.has(file)) visit(file);
  return problems;
}

function main(): void {
  const root = process.argv[2] ?? projectRoot;
  const problems = checkLayers(root);
  for (const { file, line, message } of problems) console.log(`${file}:${line}: ${message}`);
  console.log(problems.length === 0 ? "layers hold" : `${problems.length} breaches of the layers`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}

if (import.meta.main) main();
