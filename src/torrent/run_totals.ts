/**
 * What a torrent moved and what that cost in this run of the client, over all its engines: one ends
 * and the next begins with every pause and whenever the disk is in trouble.
 */
import type { DownloadLedger } from "../pieces/download_ledger.ts";
import type { Traffic } from "./traffic.ts";
import type { DownloadMetrics } from "./types.ts";

export interface RunTotals extends Traffic {
  metrics: DownloadMetrics;
}

/** An engine, as far as it is counted. */
interface Counted {
  readonly totals: Traffic;
  readonly pieces: { readonly ledger: DownloadLedger };
}

/** `before`: of the engines before this one; null when it is the first. */
export function runTotals(engine: Counted, before: RunTotals | null): RunTotals {
  const { downloaded, uploaded } = engine.totals, metrics = metricsOf(engine.pieces.ledger);
  if (before === null) return { downloaded, uploaded, metrics };
  return {
    downloaded: before.downloaded + downloaded,
    uploaded: before.uploaded + uploaded,
    metrics: {
      pieces: sums(before.metrics.pieces, metrics.pieces),
      wasted: sums(before.metrics.wasted, metrics.wasted),
      blockLatency: {
        upToMs: metrics.blockLatency.upToMs,
        counts: metrics.blockLatency.counts.map((count, i) =>
          count + before.metrics.blockLatency.counts[i]!
        ),
      },
    },
  };
}

export function metricsOf(ledger: DownloadLedger): DownloadMetrics {
  const { started, completed, failed, retried, wasted, latency } = ledger;
  return {
    pieces: { started, completed, failed, retried },
    wasted: { ...wasted },
    blockLatency: { upToMs: [...latency.bounds], counts: latency.counts() },
  };
}

function sums<T extends Record<keyof T, number>>(a: T, b: T): T {
  const keys = Object.keys(a) as (keyof T)[];
  return Object.fromEntries(keys.map((key) => [key, a[key] + b[key]])) as unknown as T;
}
