/**
 * The text of config.jsonc: JSON with comments, read with the line and column of every fault, and
 * edited in place, so that comments survive.
 */
import {
  applyEdits,
  findNodeAtLocation,
  getNodeValue,
  modify,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import type { Plain } from "../client/option_kinds.ts";
import type { OptionRow } from "../client/settings.ts";
import { ShoalError } from "../util/errors.ts";
import { nearest } from "../util/nearest.ts";
import { rowOf, SETTING_ROWS, type SettingRow } from "./setting_rows.ts";

/** More than anybody writes by hand. */
export const MAX_CONFIG_BYTES = 1024 * 1024;

/** By the name of the setting, as the program uses them. */
export type Values = Readonly<Record<string, unknown>>;

/** The configuration cannot be used; the message names file, line and column. */
export class ConfigError extends ShoalError {
  readonly code = "bad-config";
}

/** Throws a ConfigError for the first fault. */
export function readConfig(text: string, path: string): Values {
  const fail = failure(text, path), errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  const [first] = errors;
  if (first !== undefined && text.trim() !== "") {
    throw fail(first.offset, words(printParseErrorCode(first.error)));
  }
  if (root === undefined) return {};
  if (root.type !== "object") throw fail(root.offset, "the settings must be an object: { ... }");
  const values: Record<string, unknown> = {};
  for (const { keys, key, value } of settingsIn(root, fail)) {
    const found = rowOf(keys.join("."));
    if (found === undefined) throw fail(key.offset, unknown(keys));
    values[found.name] = valueOf(found, value, fail);
  }
  return values;
}

/** The text with one setting changed; undefined removes it. `value` is as JSON has it. */
export function editConfig(text: string, path: readonly string[], value: unknown): string {
  const before = text.trim() === "" ? "{}" : text;
  const edits = modify(before, [...path], value, {
    formattingOptions: { insertSpaces: true, tabSize: 2, eol: "\n" },
  });
  const after = applyEdits(before, edits);
  return after.endsWith("\n") ? after : `${after}\n`;
}

/** The value in the text, as JSON has it; undefined where there is none. */
export function plainIn(text: string, path: readonly string[]): unknown {
  const root = parseTree(text, [], { allowTrailingComma: true });
  const node = root && findNodeAtLocation(root, [...path]);
  return node && getNodeValue(node);
}

type Fail = (offset: number, why: string) => ConfigError;

function failure(text: string, path: string): Fail {
  return (offset, why) => {
    const before = text.slice(0, offset).split("\n");
    return new ConfigError(`${path}:${before.length}:${before.at(-1)!.length + 1}: ${why}`);
  };
}

interface Found {
  readonly keys: readonly string[];
  readonly key: Node;
  readonly value: Node;
}

/** Those of new torrents are one level further down. */
function* settingsIn(root: Node, fail: Fail): Generator<Found> {
  const seen = new Set<string>();
  for (const found of propertiesOf(root, [])) {
    const [name] = found.keys as [string];
    if (seen.has(name)) throw fail(found.key.offset, `${name} is there twice: remove one`);
    seen.add(name);
    if (name === "$schema") continue;
    if (name !== "torrents") yield found;
    else if (found.value.type === "object") yield* propertiesOf(found.value, [name]);
    else throw fail(found.value.offset, "torrents must be an object: { ... }");
  }
}

function* propertiesOf(node: Node, above: readonly string[]): Generator<Found> {
  for (const { children = [] } of node.children ?? []) {
    const [key, value] = children;
    if (key === undefined || value === undefined) continue;
    yield { keys: [...above, String(key.value)], key, value };
  }
}

function valueOf({ name, row }: SettingRow, node: Node, fail: Fail): unknown {
  try {
    return settingOf(row, getNodeValue(node), name);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const about = error.message.includes(name) ? "" : `The setting ${name} cannot be used: `;
    throw fail(node.offset, about + error.message);
  }
}

/** From JSON to what the program uses. Throws a RangeError, also for keys that nothing reads. */
export function settingOf({ kind }: OptionRow, plain: unknown, name: string): unknown {
  const value = kind.unpack(plain);
  kind.check(value, name);
  refuseUnread(plain, kind.pack(value as never, (path) => path), name);
  return value;
}

/** `read`: the same after it was read. */
function refuseUnread(plain: unknown, read: unknown, name: string): void {
  if (typeof plain !== "object" || plain === null) return;
  for (const [key, inner] of Object.entries(plain)) {
    if (!Object.hasOwn(read as object, key)) {
      throw new RangeError(`There is no setting ${name}.${key.slice(0, 100)}`);
    }
    refuseUnread(inner, (read as Plain)[key], `${name}.${key}`);
  }
}

function unknown(keys: readonly string[]): string {
  const name = keys.join(".");
  const meant = nearest(name, SETTING_ROWS.map((row) => row.name)) ??
    SETTING_ROWS.find((row) => row.path.at(-1) === keys.at(-1))?.name;
  const hint = meant ? `: did you mean ${meant}?` : "; shoal config lists all";
  return `There is no setting ${name.slice(0, 100)}${hint}`;
}

/** "CloseBraceExpected" -> "close brace expected". */
function words(code: string): string {
  return code.replaceAll(/(?<!^)([A-Z])/g, " $1").toLowerCase();
}
