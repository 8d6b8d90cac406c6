/** What `shoal create` says: a bar and a summary, JSON lines, or nothing. */
import type { CreatedTorrent } from "../../client/create_torrent.ts";
import { parentOf } from "../../storage/safe_paths.ts";
import { lastPart } from "../../storage/source_files.ts";
import { toHex } from "../../util/bytes.ts";
import type { CliContext } from "../command.ts";
import type { ReportMode } from "./choose_reporter.ts";
import { formatCount, formatDuration, formatRate, formatSize } from "./format.ts";
import { showBar } from "./progress_bar.ts";
import { safeJson, safeText } from "./text.ts";

export interface CreateReporter {
  /** Bytes hashed and in all. */
  progress(hashed: number, total: number): void;
  /** It was written to `path`; `seconds` since the start. */
  created(made: CreatedTorrent, path: string, seconds: number): void;
  interrupted(): void;
  /** Takes the bar away. */
  close(): void;
}

const PROGRESS_EVERY_MS = 1000;

export function createReporter(
  context: CliContext,
  mode: ReportMode,
  name: string,
): CreateReporter {
  if (mode === "json") return jsonReporter(context);
  if (mode === "quiet") return { progress() {}, created() {}, interrupted() {}, close() {} };
  const { output } = context, bar = showBar(context, name);
  return {
    progress: bar.at,
    created: (made, path, seconds) => output.write(summary(made, path, seconds)),
    interrupted: () => output.line("Interrupted; nothing was written"),
    close: bar.close,
  };
}

function jsonReporter({ platform: { clock }, output }: CliContext): CreateReporter {
  const print = (value: unknown) => output.line(safeJson(value));
  let nextAt = clock.now() + PROGRESS_EVERY_MS;
  return {
    progress(hashed, size) {
      if (clock.now() < nextAt) return;
      nextAt = clock.now() + PROGRESS_EVERY_MS;
      print({ type: "progress", hashed, size });
    },
    created({ meta, warnings }, path, seconds) {
      for (const message of warnings) print({ type: "warning", message });
      print({
        type: "created",
        path,
        infoHash: toHex(meta.infoHash),
        name: meta.name,
        size: meta.size,
        files: meta.files.filter((file) => !file.pad).length,
        pieces: meta.layout.pieceCount,
        pieceLength: meta.pieceLength,
        seconds,
      });
    },
    interrupted() {},
    close() {},
  };
}

function summary(
  { meta, source, warnings }: CreatedTorrent,
  path: string,
  seconds: number,
): string {
  const { layout, pieceLength, size } = meta, name = safeText(meta.name);
  const files = formatCount(meta.files.filter((file) => !file.pad).length, "file");
  const pieces = `${formatCount(layout.pieceCount, "piece")} of ${formatSize(pieceLength)}`;
  const rate = seconds > 0 ? ` (${formatRate(layout.totalLength / seconds)})` : "";
  const last = lastPart(source);
  const lines = [
    ...warnings.map((warning) => `warning: ${safeText(warning)}`),
    `${name}: ${formatSize(size)} in ${files}, ${pieces}, hashed in ${
      formatDuration(seconds)
    }${rate}`,
    `  info hash ${toHex(meta.infoHash)}`,
    `  in ${safeText(path)}`,
  ];
  if (last === meta.name) {
    lines.push(
      `To seed it: shoal seed ${quote(path)} ${quote(parentOf(source))}`,
    );
  } else lines.push(`To seed it, rename "${safeText(last)}" to "${name}" first`);
  return lines.join("\n") + "\n";
}

/** As a shell wants it; what cannot be shown as it is takes the form that bash and zsh know. */
function quote(path: string): string {
  if (/^[\w@%+=:,./-]+$/.test(path)) return path;
  if (safeText(path) === path) return `'${path.replaceAll("'", "'\\''")}'`;
  const escaped = [...path].map((character) => {
    if (/['\\]/.test(character)) return `\\${character}`;
    if (safeText(character) === character) return character;
    return `\\U${character.codePointAt(0)!.toString(16).padStart(8, "0")}`;
  });
  return `$'${escaped.join("")}'`;
}
