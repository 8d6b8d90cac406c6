/**
 * Reads the user's wishes as version 0.1 saved them: in `<info-hash>.added`, and in the resume
 * record if there was one. Read once; `<info-hash>.json` replaces them.
 */
import { BDict, type BValue } from "../bencode/bencode.ts";
import { repairUtf8 } from "../bencode/utf8.ts";
import { ResumeError } from "../util/errors.ts";
import type { Plain } from "./option_kinds.ts";
import { type OptionRow, TORRENT_OPTIONS, unpackOptions } from "./settings.ts";
import { asNew, decodeWish, type Wish } from "./wish.ts";

/** Throws a ResumeError. */
export function decodeAdded(bytes: Uint8Array): Wish {
  return decodeWish(bytes, "shoal added");
}

/**
 * `body`: of a resume record; null if it has no wishes, as later versions write it. Throws a
 * ResumeError.
 */
export function wishInRecord(body: BDict): Wish | null {
  if (!body.has("paused")) return null;
  const added = body.int("added") ?? 0;
  try {
    const options = unpackOptions(optionsIn(body));
    return { ...asNew(added), paused: body.int("paused") !== 0, options };
  } catch (cause) {
    const message = `The resume file cannot be used: ${(cause as Error).message}`;
    throw new ResumeError("bad-field", message, { cause });
  }
}

function optionsIn(body: BDict): Plain {
  const dir = body.text("dir") ?? "", target = body.text("target") ?? "";
  const choices = dictIn(body, "choices");
  return {
    ...choicesIn(choices),
    ...(target === "" || target === dir ? { dir } : { dir: target, incompleteDir: dir }),
    limits: limitsIn(dictIn(body, "limits")),
    peerLimits: limitsIn(dictIn(body, "peer limits")),
    seedGoal: goalIn(dictIn(body, "goal")),
    files: filesIn(body, choices),
  };
}

function choicesIn(choices: BDict): Plain {
  const plain: Plain = {};
  for (const [key, { kind }] of Object.entries<OptionRow>(TORRENT_OPTIONS)) {
    const value = choices.get(key);
    if (value === undefined) continue;
    const isFlag = kind.form.type === "switch" && (value === 0 || value === 1);
    plain[key] = isFlag ? value === 1 : plainOf(value);
  }
  return plain;
}

function filesIn(body: BDict, choices: BDict): Plain {
  const priorities = body.bytes("priorities"), inOrder = choices.list("filesInOrder");
  return {
    ...(priorities?.length ? { priorities: Array.from(priorities, (each, i) => [i, each]) } : {}),
    ...(inOrder ? { sequential: inOrder } : {}),
    ...(choices.has("endsFirst") ? { endsFirst: choices.int("endsFirst") === 1 } : {}),
  };
}

function goalIn(goal: BDict): Plain {
  const kind = goal.text("kind") ?? "none", value = Number(goal.text("value"));
  if (kind === "none" || kind === "forever") return { kind };
  return kind === "ratio" ? { kind, ratio: value } : { kind, seconds: value };
}

function limitsIn(limits: BDict): Plain {
  return Object.fromEntries([...limits.keys()].map((key) => [key, limits.get(key)]));
}

function plainOf(value: BValue): unknown {
  if (value instanceof Uint8Array) return repairUtf8(value);
  return Array.isArray(value) ? value.map(plainOf) : value;
}

function dictIn(body: BDict, key: string): BDict {
  const value = body.get(key);
  return value instanceof BDict ? value : new BDict(new Uint8Array(0), 0, [], []);
}
