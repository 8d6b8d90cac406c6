/**
 * The rules of the house as data: which folder may import which, and which names belong to the
 * platform alone. scripts/check_layers.ts applies them.
 */

/** The most imports of a file with a class, and the most public members of a class. */
export const maxImports = 15, maxMembers = 20;

/**
 * Files above a cap: how many imports, or members of one class, they may have for now. These numbers
 * only ever shrink: the check fails on one that is higher than what the file has.
 */
export const importCeilings: Readonly<Record<string, number>> = {};
export const memberCeilings: Readonly<Record<string, number>> = {};

/** Packages that src may name. */
export const packages: readonly string[] = [
  "@hono/node-server",
  "@valibot/to-json-schema",
  "bencode",
  "hash-wasm",
  "hono",
  "hono/body-limit",
  "hono/streaming",
  "htm",
  "jsonc-parser",
  "preact",
  "preact/hooks",
  "valibot",
];

const base = ["util", "bencode", "metainfo", "wire"];
const parts = ["transport", "storage", "tracker", "dht", "peers", "pieces"];
const swarm = [...base, "transport", "peers", "pieces"];
const torrent = [...base, ...parts, "state", "swarm"];
const client = [...torrent, "torrent", "discovery"];

/** The layers that each layer may import, besides itself and `typesForAll`. */
export const mayImport: Readonly<Record<string, readonly string[]>> = {
  util: [],
  "platform/types": [],
  "platform/shared": ["util", "platform/types"],
  "platform/deno": ["util", "platform/types", "platform/shared"],
  "platform/bun": ["util", "platform/types", "platform/shared"],
  "platform/select": ["platform/types", "platform/shared", "platform/deno", "platform/bun"],
  bencode: ["util"],
  metainfo: ["util", "bencode"],
  wire: ["util", "bencode", "metainfo"],
  ...Object.fromEntries(parts.map((part) => [part, base])),
  state: [...base, "storage"],
  swarm,
  torrent,
  discovery: [...base, "transport", "tracker", "dht", "peers"],
  client,
  web: [],
  daemon: [...client, "client", "web"],
  cli: [...client, "client", "daemon", "platform/select"],
  "mod.ts": [...client, "client", "daemon", "cli", "platform/select"],
};

/** Layers that every other may import with `import type`. */
export const typesForAll: readonly string[] = ["platform/types"];

/** "src/swarm/choker.ts" -> "torrent"; "src/platform/deno/udp.ts" -> "platform/deno". */
export function layerOf(file: string): string {
  const [first = "", second = "", third = ""] = file.split("/");
  if (first !== "src") return first;
  return second === "platform" ? `platform/${third.replace(/\.ts$/, "")}` : second;
}

/** Folders that may name the runtimes: the platform, and web, which is code for a browser. */
export function mayNameRuntime(file: string): boolean {
  return file.startsWith("src/platform/") || file.startsWith("src/web/");
}

export interface Ban {
  name: string;
  pattern: RegExp;
  instead: string;
}

/** A use of a global: not a member of something else, unless of globalThis itself. */
function global(name: string, tail = String.raw`\b`): RegExp {
  return new RegExp(String.raw`(?:\bglobalThis\s*\.\s*|(?<![.#\w$]))${name}${tail}`, "g");
}

const clock = "use the Clock handed in";

export const bans: readonly Ban[] = [
  { name: "Deno", pattern: global("Deno"), instead: "add what is needed to the Platform seam" },
  { name: "Bun", pattern: global("Bun"), instead: "add what is needed to the Platform seam" },
  { name: "setTimeout", pattern: global("setTimeout"), instead: `${clock} (clock.after)` },
  { name: "setInterval", pattern: global("setInterval"), instead: `${clock} (clock.after, again)` },
  { name: "setImmediate", pattern: global("setImmediate"), instead: `${clock} (clock.after)` },
  { name: "queueMicrotask", pattern: global("queueMicrotask"), instead: `${clock} (clock.after)` },
  { name: "Date.now", pattern: global(String.raw`Date\s*\.\s*now`), instead: `${clock} (now)` },
  {
    name: "new Date()",
    pattern: /\bnew\s+Date\s*\(\s*\)/g,
    instead: `${clock} (clock.wallTime)`,
  },
  { name: "performance.now", pattern: global(String.raw`performance\s*\.`), instead: clock },
  {
    name: "AbortSignal.timeout",
    pattern: global(String.raw`AbortSignal\s*\.\s*timeout`),
    instead: `${clock} (clock.after) and an AbortController`,
  },
  {
    name: "Math.random",
    pattern: global(String.raw`Math\s*\.\s*random`),
    instead: "use the Random handed in, or src/util's seeded generator",
  },
  {
    name: "crypto",
    pattern: global("crypto", String.raw`\s*\.`),
    instead: "use the Hasher or the Random handed in",
  },
  { name: "fetch", pattern: global("fetch", String.raw`\s*\(`), instead: "use platform.http" },
  {
    name: "console",
    pattern: global("console", String.raw`\s*\.`),
    instead: "use Process or events",
  },
  { name: "Worker", pattern: /\bnew\s+Worker\b/g, instead: "use the Hasher handed in" },
  {
    name: "Buffer",
    pattern: global("Buffer", String.raw`\s*\.`),
    instead: "use src/util/bytes.ts",
  },
  {
    name: "process",
    pattern: /\bglobalThis\s*\.\s*process\b/g,
    instead: "use platform.process",
  },
];
