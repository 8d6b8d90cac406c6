/** `shoal stats`: the daemon as a whole. */
import type { ClientFigures } from "../../client/types.ts";
import { EXIT_DONE } from "../errors.ts";
import { formatCount, formatNumber, formatRate, formatSize } from "../render/format.ts";
import { safeJson, safeText } from "../render/text.ts";
import { defineRemote } from "../remote/remote_command.ts";

interface ClientFacts {
  readonly version: string;
  readonly port: number;
  readonly externalAddresses: readonly string[];
  readonly warnings: readonly string[];
  readonly alternativeOn: boolean;
  readonly residentBytes: number;
}

type Figures = Omit<ClientFigures, "failures">;

export const statsCommand = defineRemote({
  name: "stats",
  operands: "",
  count: [0, 0],
  summary: "Shows the figures of the daemon as a whole",
  details: "Amounts are those since the daemon was started.",
  examples: ["shoal stats", "shoal stats --json"],
  flags: {},
  async run({ remote, output, json }) {
    const [client, figures] = await Promise.all([
      remote.get<ClientFacts>("/client"),
      remote.get<Figures>("/stats"),
    ]);
    if (json) output.line(safeJson({ client, figures }));
    else output.write(textOf(client, figures));
    return EXIT_DONE;
  },
});

function textOf(client: ClientFacts, figures: Figures): string {
  const { traffic, connections, peers, pieces, wasted, dht, disk } = figures;
  const sum = (of: (one: typeof traffic[number]) => number) =>
    traffic.reduce((all, one) => all + of(one), 0);
  const lines: [string, string][] = [
    ["Version", client.version],
    ["Port", client.port === 0 ? "not listening" : String(client.port)],
    ["Address", client.externalAddresses.map(safeText).join(", ") || "not known"],
    [
      "Torrents",
      Object.entries(figures.torrents).map(([state, count]) => `${count} ${state}`).join(", ") ||
      "none",
    ],
    [
      "Rates",
      `${formatRate(sum((one) => one.downRate))} down, ${formatRate(sum((one) => one.upRate))} up`,
    ],
    [
      "Totals",
      `${formatSize(sum((one) => one.downloaded))} down, ${
        formatSize(sum((one) => one.uploaded))
      } up`,
    ],
    [
      "Peers",
      `${connections.incoming + connections.outgoing} connected, ${
        formatNumber(peers.known)
      } known`,
    ],
    ["Pieces", `${formatNumber(pieces.completed)} complete, ${formatNumber(pieces.failed)} failed`],
    ["Wasted", formatSize(wasted.failed + wasted.duplicate + wasted.unasked)],
    ["DHT", dht === null ? "off" : formatCount(dht.nodes, "node")],
    ["Disk", `${formatSize(disk.readBytes)} read, ${formatSize(disk.writtenBytes)} written`],
    ["Memory", formatSize(client.residentBytes)],
    ["Limits", client.alternativeOn ? "the alternative ones hold" : "the usual ones hold"],
    ...client.warnings.map((text): [string, string] => ["Warning", safeText(text)]),
  ];
  return lines.map(([title, text]) => `${`${title}:`.padEnd(10)}${text}\n`).join("");
}
