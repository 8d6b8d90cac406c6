/** Turns samples into the table that a person reads, and judges the goals. */

import { type ClientName, titles } from "./clients.ts";
import { median, type Sample } from "./measure.ts";
import type { Row, Scenario } from "./scenarios.ts";

/** The samples of one row, one per round, in order of the rounds. */
export interface Measured extends Row {
  samples: Sample[];
}

export interface Verdict {
  goal: string;
  value: number;
  limit: number;
  met: boolean;
  /** The value is to be at least the limit; otherwise at most. */
  least?: boolean;
}

interface Sampled {
  readonly samples: readonly Sample[];
}

/** Of the ratios of each round, the median: what slows a whole round down cancels out. */
export function ratio(
  a: Sampled,
  b: Sampled | undefined,
  of: (sample: Sample) => number,
): number {
  if (b === undefined) return NaN;
  return median(a.samples.map((sample, i) => {
    const other = b.samples[i];
    return other === undefined ? NaN : of(sample) / of(other);
  }));
}

const wall = (sample: Sample) => sample.wall;
const cpu = (sample: Sample) => sample.cpu;

export function table({ spec }: Scenario, rows: readonly Measured[]): string {
  const bytes = spec.files.reduce((total, file) => total + file.size, 0);
  const width = Math.max(...rows.map((row) => row.title.length));
  const head = `${"".padEnd(width)}   wall s    MB/s   CPU s   peak MB   wall ratio   CPU ratio`;
  return [head, ...rows.map((row) => line(row, width, bytes, reference(row, rows)))].join("\n");
}

/** What a row's ratios are to: libtorrent's row with as many seeders; without one, the first row. */
function reference(row: Measured, rows: readonly Measured[]): Measured | undefined {
  const libtorrent = rows.filter((other) => other.client === "libtorrent");
  const candidates = libtorrent.length > 0 ? libtorrent : rows;
  return candidates.find((other) => other.seeders === row.seeders) ?? candidates[0];
}

function line(row: Measured, width: number, bytes: number, other: Measured | undefined): string {
  const seconds = median(row.samples.map(wall));
  const resident = median(row.samples.map((sample) => sample.residentBytes)) / 1e6;
  const cell = (value: number, digits: number, columns: number) =>
    (Number.isNaN(value) ? "-" : value.toFixed(digits)).padStart(columns);
  return row.title.padEnd(width) + cell(seconds, 2, 9) + cell(bytes / 1e6 / seconds, 0, 8) +
    cell(median(row.samples.map(cpu)), 2, 8) + cell(resident, 0, 10) +
    cell(ratio(row, other, wall), 2, 13) + cell(ratio(row, other, cpu), 2, 12);
}

/** What the project set itself to reach, as far as these rows can tell. */
export function verdicts(scenario: Scenario, rows: readonly Measured[]): Verdict[] {
  const found: Verdict[] = [];
  const atMost = (goal: string, value: number, limit: number) => {
    if (!Number.isNaN(value)) found.push({ goal, value, limit, met: value <= limit });
  };
  const of = (client: ClientName, seeders = 1) =>
    rows.find((row) => row.client === client && row.seeders === seeders);
  if (scenario.name === "single" || scenario.name === "files") {
    for (const [client, share] of [["deno", 0.5], ["bun", 0.65]] as const) {
      const row = of(client);
      if (row === undefined) continue;
      const title = titles[client];
      atMost(`${title}: share of libtorrent's wall`, ratio(row, of("libtorrent"), wall), share);
      atMost(`${title}: share of libtorrent's CPU`, ratio(row, of("libtorrent"), cpu), share);
    }
    for (const [client, cpuShare, wallShare] of [["deno", 1.3, 1.2], ["bun", 1.5, 1.3]] as const) {
      const row = of(client);
      if (row === undefined) continue;
      const title = titles[client];
      atMost(`${title}: times the floor's CPU`, ratio(row, of("floor"), cpu), cpuShare);
      atMost(`${title}: times the floor's wall`, ratio(row, of("floor"), wall), wallShare);
    }
    const deno = of("deno");
    if (deno !== undefined) {
      const resident = median(deno.samples.map((sample) => sample.residentBytes)) / 1e6;
      atMost(`${titles.deno}: share of aria2's CPU`, ratio(deno, of("aria2"), cpu), 0.999);
      atMost(`${titles.deno}: peak resident MB`, resident, 100);
    }
  }
  if (scenario.name === "many") {
    for (const client of ["deno", "bun"] as const) {
      const [one, many] = [of(client, 1), rows.find((r) => r.client === client && r.seeders > 1)];
      if (one === undefined || many === undefined) continue;
      atMost(`${titles[client]}: wall from many, in walls from one`, ratio(many, one, wall), 1.25);
    }
  }
  return found;
}

export function verdictLine({ goal, value, limit, met, least }: Verdict): string {
  const digits = limit >= 10 ? 0 : 2, bound = `at ${least ? "least" : "most"} ${limit}`;
  return `${met ? "met   " : "MISSED"}  ${goal}: ${value.toFixed(digits)} (${bound})`;
}
