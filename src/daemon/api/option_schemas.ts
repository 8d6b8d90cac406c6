/** Schemas of options, made of the rows that the library and the configuration use as well. */
import * as v from "valibot";
import type { Form, Kind } from "../../client/option_kinds.ts";
import { type OptionRow, TORRENT_OPTIONS } from "../../client/settings.ts";
import type { AddOptions, FileSelection, TorrentPatch } from "../../client/types.ts";
import type { Schema } from "./route.ts";

/** About the run of a program, not the wish of a user; or it is another field of the body. */
const NOT_HERE = new Set(["files", "rename", "metadataOnly"]);

type Rows = Readonly<Record<string, OptionRow>>;

const ROWS: Rows = Object.fromEntries(
  Object.entries<OptionRow>(TORRENT_OPTIONS).filter(([name]) => !NOT_HERE.has(name)),
);
const CHANGEABLE: Rows = Object.fromEntries(
  Object.entries(ROWS).filter(([, { changeable }]) => changeable),
);

/** Options of a new torrent; rates and amounts of null are without a limit. */
export const NEW_OPTIONS = schemaOf(ROWS);
/** Options that can be changed at any time. */
export const CHANGED_OPTIONS = schemaOf(CHANGEABLE);

/** From JSON. Throws a RangeError that names the option. */
export function addOptionsOf(given: Readonly<Record<string, unknown>>): Partial<AddOptions> {
  return unpacked(ROWS, given);
}

/** As `addOptionsOf`. */
export function patchOf(given: Readonly<Record<string, unknown>>): TorrentPatch {
  return unpacked(CHANGEABLE, given) as TorrentPatch;
}

/** As JSON has them: those that are set. */
export function plainOptions(options: Partial<AddOptions>): Record<string, unknown> {
  const given = Object.entries(options).filter(([name]) => Object.hasOwn(ROWS, name));
  return Object.fromEntries(given.map(([name, value]) => {
    const pack = ROWS[name]!.kind.pack as (
      value: unknown,
      path: (path: string) => string,
    ) => unknown;
    return [name, value === undefined ? null : pack(value, (path) => path)];
  }));
}

const PRIORITY = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(7));
const INDEX = v.pipe(v.number(), v.integer(), v.minValue(0));

/** Files are named by their index; what is left out stays as it is. */
export const FILE_CHOICE = v.strictObject({
  priorities: v.optional(described(
    v.record(v.pipe(v.string(), v.regex(/^\d{1,7}$/, "it must be the index of a file")), PRIORITY),
    "By the index of the file: 0 is not downloaded, 1 is lowest, 7 is highest",
  )),
  others: v.optional(described(PRIORITY, "Priority of all other files")),
  sequential: v.optional(described(v.array(INDEX), "Files that are downloaded in order")),
  endsFirst: v.optional(described(v.boolean(), "First and last piece of media files first")),
});
export type FileChoice = v.InferOutput<typeof FILE_CHOICE>;

export function selectionOf({ priorities, sequential, ...others }: FileChoice): FileSelection {
  const byFile = Object.entries(priorities ?? {}).map(([file, each]) =>
    [Number(file), each] as const
  );
  return {
    ...others as FileSelection,
    ...(priorities === undefined ? {} : { priorities: new Map(byFile) }),
    ...(sequential === undefined ? {} : { sequential: new Set(sequential) }),
  };
}

export function described<S extends Schema>(schema: S, text: string) {
  return v.pipe(schema, v.description(text));
}

function schemaOf(rows: Rows) {
  return v.strictObject(Object.fromEntries(
    Object.entries(rows).map(([name, { kind, help }]) => {
      return [name, v.optional(described(ofKind(kind), `${help}: ${kind.allowed}`))];
    }),
  ));
}

/** Only what is the same in JSON; the kind itself checks the rest. */
function ofKind({ form, allowed }: Kind<never>): Schema {
  return ofForm(form, !allowed.includes("Infinity")) ?? v.unknown();
}

function ofForm(form: Form, isFinite: boolean): Schema | null {
  switch (form.type) {
    case "switch":
      return v.boolean(`it must be true or false`);
    case "whole":
      return isFinite
        ? v.pipe(v.number(), v.integer(), v.minValue(form.least), v.maxValue(form.most))
        : null;
    case "choice":
      return v.picklist(form.words);
    case "text":
      return v.string();
    case "texts":
    case "peers":
      return v.array(v.string());
    default:
      return null;
  }
}

function unpacked(rows: Rows, given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  for (const [name, plain] of Object.entries(given)) {
    if (plain === undefined) continue;
    const { kind } = rows[name]!;
    options[name] = unpackedOne(kind, plain, name);
  }
  return options;
}

function unpackedOne(kind: Kind<never>, plain: unknown, name: string): unknown {
  try {
    const value = kind.unpack(plain);
    kind.check(value, name);
    return value;
  } catch (cause) {
    const { message } = cause as Error;
    if (!(cause instanceof RangeError) || message.includes(name)) throw cause;
    throw new RangeError(`The option ${name} cannot be used: ${message}`, { cause });
  }
}
