/** Metrics of each torrent, for those who ask for them: seven series per torrent. */
import type { TorrentStatus } from "../../client/types.ts";
import type { Family, Labels } from "./metric_types.ts";

type Row = Family<readonly TorrentStatus[]>;

function row(
  about: Pick<Row, "name" | "help" | "type" | "unit">,
  value: (status: TorrentStatus) => number,
  labels: (status: TorrentStatus) => Labels = () => ({}),
): Row {
  return {
    ...about,
    read: (torrents) =>
      torrents.map((status) => ({
        labels: { info_hash: status.infoHash, ...labels(status) },
        value: value(status),
      })),
  };
}

export const TORRENT_FAMILIES: readonly Row[] = [
  row(
    {
      name: "shoal_torrent_info",
      help: "Name and state of a torrent; always 1.",
      type: "gauge",
      unit: "1",
    },
    () => 1,
    ({ name, state }) => ({ name, state }),
  ),
  row({
    name: "shoal_torrent_downloaded_bytes_total",
    help: "Downloaded payload bytes of a torrent, over all runs.",
    type: "counter",
    unit: "By",
  }, ({ totals }) => totals.downloaded),
  row({
    name: "shoal_torrent_uploaded_bytes_total",
    help: "Uploaded payload bytes of a torrent, over all runs.",
    type: "counter",
    unit: "By",
  }, ({ totals }) => totals.uploaded),
  row({
    name: "shoal_torrent_download_bytes_per_second",
    help: "Present download rate of a torrent.",
    type: "gauge",
    unit: "By/s",
  }, ({ downRate }) => downRate),
  row({
    name: "shoal_torrent_upload_bytes_per_second",
    help: "Present upload rate of a torrent.",
    type: "gauge",
    unit: "By/s",
  }, ({ upRate }) => upRate),
  row({
    name: "shoal_torrent_completed_ratio",
    help: "Verified part of the chosen files, 0 to 1.",
    type: "gauge",
    unit: "1",
  }, ({ wanted, left }) => wanted === 0 ? 0 : (wanted - left) / wanted),
  row({
    name: "shoal_torrent_connected_peers",
    help: "Connected peers of a torrent.",
    type: "gauge",
    unit: "1",
  }, ({ peers }) => peers.connected),
];
