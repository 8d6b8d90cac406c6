/**
 * What was asked for when a torrent was added, as it is kept until the resume record tells more, and
 * for when that is lost: `<info-hash>.added`, JSON. Read from a disk that others can write to, so every
 * field is checked.
 */
import type { Metainfo } from "../protocol/metainfo.ts";
import type { ResumeChoices } from "../protocol/resume_choices.ts";
import { ResumeError } from "../util/errors.ts";
import { checkAddOptions } from "./settings.ts";
import { fileChoiceOptions, selectionOf } from "./file_priorities.ts";
import { choicesOf } from "./restored_options.ts";
import type { AddOptions, FileSelection } from "./types.ts";

export interface Added {
  /** Of a magnet: the link. Null when the metainfo was known from the start. */
  readonly link: string | null;
  /** A magnet that was paused while it looked for its metadata. */
  readonly paused: boolean;
  readonly options: AddOptions;
}

export const MAX_ADDED_BYTES = 1024 * 1024;
const FORMAT = "shoal added", VERSION = 1;
const MAX_TEXT = 64 * 1024;

type Plain = Record<string, unknown>;

/** `meta`: null while it is not known; then a choice of files by a function is not kept. */
export function encodeAdded(
  { link, paused, options }: Added,
  meta: Metainfo | null,
  absolute: (path: string) => string,
): Uint8Array {
  const { dir, incompleteDir, reuse, seedGoal, limits, peerLimits } = options;
  const plain = {
    ...choicesOf(options),
    dir: absolute(dir),
    incompleteDir: incompleteDir === undefined ? undefined : absolute(incompleteDir),
    reuse: reuse?.map(absolute),
    seedGoal,
    // JSON has no Infinity: null is none.
    limits,
    peerLimits,
    files: filesOf(options.files, meta),
    rename: namesOf(options.rename, meta),
  };
  const text = JSON.stringify({ format: FORMAT, version: VERSION, link, paused, options: plain });
  return new TextEncoder().encode(text);
}

function filesOf(files: AddOptions["files"], meta: Metainfo | null): Plain | undefined {
  if (files === undefined) return undefined;
  const selection = typeof files !== "function"
    ? files
    : meta === null
    ? {}
    : { ...files(meta), ...selectionOf(fileChoiceOptions(meta, files).priorities!) };
  const { priorities, others, sequential, endsFirst } = selection;
  return {
    priorities: priorities === undefined ? undefined : [...priorities],
    others,
    sequential: sequential === undefined ? undefined : [...sequential],
    endsFirst,
  };
}

function namesOf(rename: AddOptions["rename"], meta: Metainfo | null) {
  const names = typeof rename === "function" ? meta && rename(meta) : rename;
  return names ? [...names] : undefined;
}

/** Throws a ResumeError. */
export function decodeAdded(bytes: Uint8Array): Added {
  try {
    const all = plainOf(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
    if (all["format"] !== FORMAT) bad("format");
    if (all["version"] !== VERSION) bad("version");
    const { link = null, paused = false } = all;
    if (link !== null && !isText(link)) bad("link");
    if (typeof paused !== "boolean") bad("paused");
    const options = optionsFrom(plainOf(all["options"]));
    checkAddOptions(options);
    return { link, paused, options };
  } catch (cause) {
    if (cause instanceof ResumeError) throw cause;
    const message = `The file is damaged: ${(cause as Error).message}`;
    throw new ResumeError("damaged", message, { cause });
  }
}

function optionsFrom(from: Plain): AddOptions {
  const { dir, incompleteDir, reuse, peers, seedGoal, limits, peerLimits, files, rename, ...rest } =
    from;
  if (!isText(dir)) bad("dir");
  const chosen = CHOICES.filter((key) => rest[key] !== undefined).map((key) => [key, rest[key]]);
  const options: AddOptions = { ...Object.fromEntries(chosen), dir };
  if (incompleteDir !== undefined) {
    options.incompleteDir = isText(incompleteDir) ? incompleteDir : bad("incompleteDir");
  }
  if (reuse !== undefined) options.reuse = textsOf(reuse, "reuse");
  if (peers !== undefined) options.peers = textsOf(peers, "peers");
  if (seedGoal !== undefined) {
    options.seedGoal = plainOf(seedGoal) as AddOptions["seedGoal"] & object;
  }
  if (limits !== undefined) options.limits = ratesOf(plainOf(limits));
  if (peerLimits !== undefined) options.peerLimits = ratesOf(plainOf(peerLimits));
  if (files !== undefined) options.files = selectionFrom(plainOf(files));
  if (rename !== undefined) options.rename = namesFrom(rename);
  return options;
}

/** Their types are checked with those of all options. */
const CHOICES = [
  "seedOnly",
  "followLinks",
  "pex",
  "superSeed",
  "sequential",
  "preallocate",
  "waitForDisk",
  "maxPeers",
  "uploadSlots",
  "piecesPerPeer",
  "finalCheck",
] as const satisfies readonly (keyof ResumeChoices & keyof AddOptions)[];

function ratesOf({ down, up }: Plain): NonNullable<AddOptions["limits"]> {
  const rate = (value: unknown) => value === null ? Infinity : value as number;
  return {
    ...(down === undefined ? {} : { down: rate(down) }),
    ...(up === undefined ? {} : { up: rate(up) }),
  };
}

function selectionFrom({ priorities, others, sequential, endsFirst }: Plain): FileSelection {
  const pairs = priorities === undefined ? undefined : listOf(priorities, "files").map((pair) => {
    const [file, priority] = listOf(pair, "files");
    return [wholeOf(file), wholeOf(priority)] as const;
  });
  return {
    ...(pairs === undefined ? {} : { priorities: new Map(pairs) }),
    ...(others === undefined ? {} : { others: wholeOf(others) }),
    ...(sequential === undefined
      ? {}
      : { sequential: new Set(listOf(sequential, "files").map(wholeOf)) }),
    ...(endsFirst === undefined ? {} : { endsFirst: endsFirst === true }),
  };
}

function namesFrom(rename: unknown): ReadonlyMap<number, string> {
  return new Map(
    listOf(rename, "rename").map((pair) => {
      const [file, name] = listOf(pair, "rename");
      return [wholeOf(file), isText(name) ? name : bad("rename")];
    }),
  );
}

function plainOf(value: unknown): Plain {
  if (typeof value !== "object" || value === null || Array.isArray(value)) bad("type");
  return value as Plain;
}

function listOf(value: unknown, field: string): unknown[] {
  return Array.isArray(value) ? value : bad(field);
}

function textsOf(value: unknown, field: string): string[] {
  return listOf(value, field).map((one) => isText(one) ? one : bad(field));
}

function wholeOf(value: unknown): number {
  return Number.isInteger(value) && Number(value) >= 0 ? Number(value) : bad("files");
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_TEXT;
}

function bad(field: string): never {
  throw new ResumeError("bad-field", `The file of what was added has a wrong field: ${field}`);
}
