/** What a user had chosen for a torrent: into its resume record, and out of it again. */
import { MAX_OWN_PEERS, type ResumeChoices } from "../protocol/resume_choices.ts";
import type { Metainfo } from "../protocol/metainfo.ts";
import type { ResumeData } from "../protocol/resume_data.ts";
import { fileChoiceOptions, selectionOf } from "./file_priorities.ts";
import type { AddOptions, FileSelection } from "./types.ts";

/**
 * What becomes of each option at a restart: a new one cannot be forgotten here. "field": the record
 * has it as the torrent has it by then, whoever changed it; "choice": as it was given; "not kept",
 * since it would be wrong or has had its effect.
 */
const AFTER_RESTART = {
  dir: "field",
  incompleteDir: "field",
  files: "field",
  rename: "field",
  seedGoal: "field",
  limits: "field",
  peerLimits: "field",
  // What others hold us to: that files are not touched, that peers hear of nobody.
  seedOnly: "choice",
  followLinks: "choice",
  pex: "choice",
  waitForDisk: "choice",
  finalCheck: "choice",
  superSeed: "choice",
  uploadSlots: "choice",
  maxPeers: "choice",
  piecesPerPeer: "choice",
  sequential: "choice",
  preallocate: "choice",
  // Without trackers and DHT these may be all there are, and not one of them on line right now.
  peers: "choice",
  // It was said of the files as they were then; since then the record knows whom to trust.
  trustFiles: "not kept",
  // A torrent that has a record has its metadata.
  metadataOnly: "not kept",
  // Both were asked for once, of the files as they were then.
  overwrite: "not kept",
  repair: "not kept",
  // It was about the run before that one.
  anew: "not kept",
  // It is done before the first record is written.
  reuse: "not kept",
} as const satisfies Record<keyof AddOptions, "field" | "choice" | "not kept">;

type Fates = typeof AFTER_RESTART;
type Chosen = { [K in keyof Fates]: Fates[K] extends "choice" ? K : never }[keyof Fates];

export function choicesOf(options: AddOptions): ResumeChoices {
  const chosen = Object.entries(options).filter(([key, value]) =>
    AFTER_RESTART[key as keyof AddOptions] === "choice" && value !== undefined && isFinal(value)
  );
  const choices: Pick<AddOptions, Chosen> = Object.fromEntries(chosen);
  const { peers } = choices;
  return { ...choices, ...(peers ? { peers: peers.slice(0, MAX_OWN_PEERS) } : {}) };
}

/** No limit is the same as none chosen. */
function isFinal(value: unknown): boolean {
  return value !== Infinity;
}

/** The record, with what may have been changed since. */
export function amended(record: ResumeData, meta: Metainfo, options: AddOptions): ResumeData {
  const { priorities, sequential } = fileChoiceOptions(meta, options.files);
  const { files, limits, peerLimits } = options;
  const { endsFirst } = (typeof files === "function" ? files(meta) : files) ?? {};
  const { filesInOrder: _, endsFirst: __, ...choices } = record.choices;
  return {
    ...record,
    priorities: priorities!,
    limits: { ...record.limits, ...limits },
    peerLimits: { ...record.peerLimits, ...peerLimits },
    choices: {
      ...choices,
      ...(sequential === undefined ? {} : { filesInOrder: [...sequential] }),
      ...(endsFirst === undefined ? {} : { endsFirst }),
    },
  };
}

export function optionsOf(record: ResumeData): AddOptions {
  const { dir, targetDir, seedGoal, limits, peerLimits } = record;
  const { filesInOrder, endsFirst, ...choices } = record.choices;
  const files: FileSelection = {
    ...(record.priorities.length > 0 ? selectionOf(record.priorities) : {}),
    ...(filesInOrder ? { sequential: new Set(filesInOrder) } : {}),
    ...(endsFirst === undefined ? {} : { endsFirst }),
  };
  const place = targetDir === "" || targetDir === dir
    ? { dir }
    : { dir: targetDir, incompleteDir: dir };
  return { ...place, ...choices, seedGoal, limits, peerLimits, files };
}
