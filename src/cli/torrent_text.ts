/** What `shoal show` tells about a torrent: as a table for people, as plain data for programs. */
import type { Metainfo } from "../metainfo/metainfo.ts";
import { toHex } from "../util/bytes.ts";
import { formatCount, formatSize } from "./render/format.ts";
import { safeText } from "./render/text.ts";
import { fileTree } from "./render/tree.ts";

/** The documented JSON form; pad files are left out, paths joined by "/". */
export function describeAsData(meta: Metainfo) {
  return {
    name: meta.name,
    infoHash: toHex(meta.infoHash),
    size: meta.size,
    pieceLength: meta.pieceLength,
    pieces: meta.layout.pieceCount,
    private: meta.private,
    files: realFiles(meta).map(({ number, path, length }) => (
      { number, path: path.join("/"), size: length }
    )),
    announce: meta.announce,
    webSeeds: meta.webSeeds,
    comment: meta.comment,
    createdBy: meta.createdBy,
    creationDate: meta.creationDate,
    hybrid: meta.hybrid,
    warnings: meta.warnings,
  };
}

/** Lines of a table, then the tree of files. */
export function describeAsText(meta: Metainfo, glyphs: { unicode: boolean }): string {
  const rows: [string, string][] = [
    ["name", meta.name],
    ["info hash", toHex(meta.infoHash)],
    ["size", `${formatSize(meta.size)} in ${formatCount(realFiles(meta).length, "file")}`],
    [
      "pieces",
      `${formatCount(meta.layout.pieceCount, "piece")} of ${formatSize(meta.pieceLength)}`,
    ],
    ["private", meta.private ? "yes: peers from its trackers only" : "no"],
  ];
  if (meta.hybrid) rows.push(["version", "hybrid; shoal uses its v1 half"]);
  if (meta.creationDate !== null) rows.push(["created", dateText(meta.creationDate)]);
  if (meta.createdBy !== null) rows.push(["created by", meta.createdBy]);
  if (meta.comment !== null) rows.push(["comment", meta.comment]);
  meta.announce.forEach((tier, i) => {
    const label = meta.announce.length > 1 ? `trackers ${i + 1}` : "trackers";
    tier.forEach((url, j) => rows.push([j === 0 ? label : "", url]));
  });
  if (meta.announce.length === 0) rows.push(["trackers", "none"]);
  meta.webSeeds.forEach((url, i) => rows.push([i === 0 ? "web seeds" : "", url]));
  for (const warning of meta.warnings) rows.push(["warning", warning]);
  const table = rows.map(([label, text]) => `${label.padEnd(11)} ${safeText(text)}`);
  return [...table, "files", ...fileTree(realFiles(meta), glyphs), ""].join("\n");
}

/** Numbered as `--files` counts them. */
function realFiles(meta: Metainfo) {
  const real = meta.files.filter((file) => !file.pad);
  return real.map(({ path, length }, i) => ({ number: i + 1, path, length }));
}

function dateText(seconds: number): string {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return `${seconds} s after 1970`;
  return `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
