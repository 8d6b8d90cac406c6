/** `shoal peers`: the connected peers of a torrent of the daemon. */
import type { PeerSnapshot } from "../../client/types.ts";
import { EXIT_DONE } from "../errors.ts";
import type { Column } from "../render/columns.ts";
import { formatDuration, formatPercent } from "../render/format.ts";
import { safeText } from "../render/text.ts";
import { defineRemote, printRows } from "../remote/remote_command.ts";
import { listTorrents, NAMING, torrentNamed } from "../remote/torrents.ts";
import { rateText } from "../remote/words.ts";

export const PEER_COLUMNS: readonly Column<PeerSnapshot>[] = [
  { title: "Address", text: ({ address, port }) => addressText(address, port) },
  { title: "Client", text: ({ client }) => safeText(client), flexible: true },
  { title: "Done", text: ({ progress }) => formatPercent(progress, 1), right: true },
  { title: "Down", text: ({ downRate }) => rateText(downRate), right: true },
  { title: "Up", text: ({ upRate }) => rateText(upRate), right: true },
  { title: "Flags", text: flagsText },
  { title: "Since", text: ({ seconds }) => formatDuration(seconds), right: true },
  { title: "From", text: ({ sources }) => sources.join(",") },
];

export const peersCommand = defineRemote({
  name: "peers",
  operands: "TORRENT",
  count: [1, 1],
  summary: "Lists the connected peers of a torrent of the daemon",
  details:
    "Flags: d we want something and the peer chokes us, D it sends; u it wants something and we choke it,\n" +
    `U we send; I it connected to us; s it has stopped sending.\n${NAMING}`,
  examples: ["shoal peers debian", "shoal peers debian --json"],
  flags: {},
  async run(session, _, [name]) {
    const { infoHash } = torrentNamed(await listTorrents(session.remote), name!);
    const path = `/torrents/${infoHash}/peers`;
    const { peers } = await session.remote.get<{ peers: PeerSnapshot[] }>(path);
    if (peers.length === 0 && !session.json) session.output.line("No peer is connected");
    else printRows(session, PEER_COLUMNS, peers);
    return EXIT_DONE;
  },
});

function addressText(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function flagsText(peer: PeerSnapshot): string {
  const { interested, choking, peerInterested, choked, incoming, snubbed } = peer;
  return (interested ? choking ? "d" : "D" : "") + (peerInterested ? choked ? "u" : "U" : "") +
    (incoming ? "I" : "") + (snubbed ? "s" : "");
}
