/** Waits for torrents of the daemon, and shows how far they are. */
import { EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, worstOf } from "../errors.ts";
import { watchInterrupt } from "../interrupt.ts";
import { showBar } from "../render/progress_bar.ts";
import { safeJson } from "../render/text.ts";
import type { Session } from "./remote_command.ts";
import { listTorrents, type RemoteTorrent } from "./torrents.ts";

const POLL_MS = 1000;

/** Until each of them is complete or cannot go on; resolves to the exit code. Ctrl-C ends the wait. */
export async function waitFor(session: Session, infoHashes: readonly string[]): Promise<number> {
  return await watchUntil(session, infoHashes, "downloading", outcomeOf, (torrents) => {
    return torrents.map(({ wanted, left }) => [wanted - left, wanted] as const);
  });
}

/** Until no check of them is under way. */
export async function waitForChecks(
  session: Session,
  infoHashes: readonly string[],
): Promise<number> {
  return await watchUntil(session, infoHashes, "checking", checkOutcome, (torrents) => {
    return torrents.map(({ wanted, checked }) => [(checked ?? 1) * wanted, wanted] as const);
  });
}

type Progress = (torrents: readonly RemoteTorrent[]) => readonly (readonly [number, number])[];

async function watchUntil(
  session: Session,
  infoHashes: readonly string[],
  doing: string,
  outcome: (torrent: RemoteTorrent) => number | null,
  progress: Progress,
): Promise<number> {
  const { remote, platform, output, json } = session, wanted = new Set(infoHashes);
  const bar = json ? null : showBar({ platform, output }, doing);
  const interrupt = watchInterrupt(platform, () => output.flush());
  try {
    for (;;) {
      const torrents = (await listTorrents(remote)).filter(({ infoHash }) => wanted.has(infoHash));
      const codes = torrents.map(outcome);
      if (json) torrents.forEach((row) => output.line(safeJson({ type: "progress", ...row })));
      const done = progress(torrents);
      bar?.at(sum(done, 0), Math.max(1, sum(done, 1)));
      if (codes.every((code) => code !== null)) return worstOf([EXIT_DONE, ...codes]);
      if (await pause(session, interrupt.asked)) return EXIT_INTERRUPTED;
    }
  } finally {
    bar?.close();
    interrupt.release();
  }
}

/** Resolves to whether the user has had enough. */
async function pause({ platform: { clock } }: Session, asked: Promise<void>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = clock.after(POLL_MS, () => resolve(false));
  try {
    return await Promise.race([promise, asked.then(() => true)]);
  } finally {
    timer.cancel();
  }
}

function outcomeOf({ state, left, wanted }: RemoteTorrent): number | null {
  if (wanted > 0 && left === 0 && (state === "seeding" || state === "done")) return EXIT_DONE;
  if (state === "failed") return EXIT_FAILED;
  return null;
}

function checkOutcome({ state, checked, left }: RemoteTorrent): number | null {
  if (checked !== null || state === "checking" || state === "verifying") return null;
  return left === 0 ? EXIT_DONE : EXIT_FAILED;
}

function sum(pairs: readonly (readonly [number, number])[], at: 0 | 1): number {
  return pairs.reduce((all, pair) => all + pair[at], 0);
}
