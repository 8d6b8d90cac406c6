/** The torrents, clients and seeders of each scenario, in one table. */

import type { TorrentSpec } from "../lib/make_torrent.ts";
import { type ClientName, titles } from "./clients.ts";

export type ScenarioName = "single" | "files" | "many" | "pieces-per-peer";

export const scenarioNames: readonly ScenarioName[] = [
  "single",
  "files",
  "many",
  "pieces-per-peer",
];

/** One line of the result. */
export interface Row {
  title: string;
  client: ClientName;
  seeders: number;
  flags: readonly string[];
}

export interface Scenario {
  name: ScenarioName;
  about: string;
  spec: TorrentSpec;
  rows: Row[];
}

const mebibyte = 1024 * 1024;
const manySeeders = 30;

/** `size` in bytes is the whole torrent's. */
export function scenarioOf(
  name: ScenarioName,
  size: number,
  clients: readonly ClientName[],
): Scenario {
  const shoal = clients.filter((client) => ["deno", "bun", "exe"].includes(client));
  const plain = (client: ClientName) => row(client, titles[client]);
  const real = clients.filter((client) => client !== "floor");
  const one: TorrentSpec = {
    name: "bench.bin",
    pieceLength: mebibyte,
    files: [{ path: "bench.bin", size }],
  };
  const megabytes = `${(size / mebibyte).toFixed(0)} MiB in pieces of 1 MiB`;
  switch (name) {
    case "single":
      return {
        name,
        about: `${megabytes} from 1 seeder`,
        spec: one,
        rows: clients.map(plain),
      };
    case "files":
      return {
        name,
        about: `${megabytes}, files of 256 KiB, from 1 seeder`,
        spec: { name: "bench-files", pieceLength: mebibyte, files: smallFiles(size) },
        rows: real.map(plain),
      };
    case "many":
      return {
        name,
        about: `${megabytes} from 1 seeder and from ${manySeeders} at once`,
        spec: one,
        rows: real.flatMap((client) => [
          row(client, `${titles[client]}, 1 seeder`),
          { ...row(client, `${titles[client]}, ${manySeeders}`), seeders: manySeeders },
        ]),
      };
    case "pieces-per-peer":
      return {
        name,
        about: `${megabytes} by --pieces-per-peer, ratios to the default`,
        spec: one,
        rows: shoal.flatMap((client) => [1, manySeeders].flatMap((n) => piecesPerPeer(client, n))),
      };
  }
}

function piecesPerPeer(client: ClientName, seeders: number): Row[] {
  const from = `${titles[client]}, ${seeders === 1 ? "1 seeder" : `${seeders} seeders`}`;
  return [
    { ...row(client, `${from}, default`), seeders },
    ...[2, 5, 10].map((n) => ({
      ...row(client, `${from}, ${n}`, [`--pieces-per-peer=${n}`]),
      seeders,
    })),
  ];
}

function row(client: ClientName, title: string, flags: readonly string[] = []): Row {
  return { title, client, seeders: 1, flags };
}

function smallFiles(size: number) {
  const each = 256 * 1024;
  return Array.from({ length: Math.max(1, Math.floor(size / each)) }, (_, i) => ({
    path: `${String(i % 40).padStart(2, "0")}/${String(i).padStart(5, "0")}.bin`,
    size: each,
  }));
}
