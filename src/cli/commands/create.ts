/** `shoal create`: makes a .torrent of a file or folder. */
import { type Flags, repeated, single, toggle, type ValuesOf } from "../args.ts";
import { type CliContext, defineCommand } from "../command.ts";
import { optional } from "../option_flags.ts";
import { notEmpty, pieceLength, trackerUrl, trackerUrls, webSeedUrl } from "../values.ts";
import {
  type CreatedTorrent,
  type CreateOptions,
  createTorrent,
} from "../../client/create_torrent.ts";
import type { Files } from "../../platform/types.ts";
import { utf8Length } from "../../bencode/utf8.ts";
import { lastPart, type LeavesOut } from "../../storage/source_files.ts";
import { FileError } from "../../util/errors.ts";
import { EXIT_DONE, EXIT_INTERRUPTED } from "../errors.ts";
import { watchInterrupt } from "../interrupt.ts";
import { REPORT_FLAGS, type ReportMode, reportMode } from "../render/choose_reporter.ts";
import { globPattern } from "../../util/glob.ts";
import { parentOf } from "../../storage/safe_paths.ts";
import { toHex } from "../../util/bytes.ts";
import { formatCount, formatDuration, formatRate, formatSize } from "../render/format.ts";
import { showBar } from "../render/progress_bar.ts";
import { safeJson, safeText } from "../render/text.ts";

const FLAGS = {
  output: optional(
    "FILE",
    "The .torrent to write (default: NAME.torrent in the current folder)",
    notEmpty,
    "o",
  ),
  announce: repeated(
    "URL",
    "URL of a tracker, which gets its own tier; may be repeated",
    trackerUrl,
  ),
  tier: repeated(
    '"URL URL"',
    "Trackers of one tier, after those of --announce; may be repeated",
    trackerUrls,
  ),
  webseed: repeated(
    "URL",
    "URL of the same files on a web server (BEP 19); may be repeated",
    webSeedUrl,
  ),
  exclude: repeated(
    "GLOB",
    "Files or folders to leave out, like '*.tmp' or 'sub/*.nfo'; may be repeated",
    notEmpty,
  ),
  "keep-junk": toggle(
    "Include files that file managers make: .DS_Store, Thumbs.db, desktop.ini, @eaDir",
  ),
  private: toggle("Mark as private: no DHT, peer exchange or local discovery"),
  comment: optional("TEXT", "Comment that other clients show", notEmpty),
  source: optional(
    "TEXT",
    "Source tag; changes the info-hash (some private trackers require one)",
    notEmpty,
  ),
  name: optional("NAME", "The torrent's name (default: that of PATH)", notEmpty),
  "piece-length": single<number | null>(
    "SIZE",
    "A power of two from 16K to 256M; auto (default): up to 16M, for at most 2,048 pieces",
    pieceLength,
    null,
  ),
  pad: toggle("Start every file with a new piece: padding between files (BEP 47)"),
  "no-date": toggle("Leave out the creation date"),
  force: toggle("Replace an existing FILE"),
  ...REPORT_FLAGS,
} satisfies Flags;

type CreateValues = ValuesOf<typeof FLAGS>;

export const createCommand = defineCommand({
  name: "create",
  operands: "PATH",
  count: [1, 1],
  summary: "Makes a .torrent of a file or folder",
  details:
    "Hidden and empty files are included; symbolic links, empty folders and files that file\n" +
    "managers make (.DS_Store, Thumbs.db, desktop.ini, @eaDir) are left out.\n" +
    "With the same options, the info-hash equals that of mktorrent; with --pad, that of libtorrent.",
  examples: [
    "shoal create holiday --announce https://tracker.example/announce",
    'shoal create holiday --tier "udp://a.example:80 udp://b.example:80" --piece-length 1M',
    "shoal create film.mkv --private --source SITE --announce https://site.example/KEY/announce",
  ],
  flags: FLAGS,
  async run(context, values, [path]) {
    return await runCreate(context, {
      path: path!,
      output: values.output,
      force: values.force,
      mode: reportMode(values),
      torrent: torrentOptions(values),
    });
  },
});

function torrentOptions(values: CreateValues) {
  return {
    announce: [...values.announce.map((url) => [url]), ...values.tier],
    webSeeds: values.webseed,
    private: values.private,
    comment: values.comment ?? undefined,
    source: values.source ?? undefined,
    name: values.name ?? undefined,
    pieceLength: values["piece-length"] ?? undefined,
    pad: values.pad,
    leavesOut: leavesOut(values.exclude, values["keep-junk"]),
    ...(values["no-date"] && { creationDate: null }),
  };
}

// --- The run: the .torrent is written whole, once everything is hashed; errors that can be found
// before hashing are. ---

const MAX_NAME_BYTES = 255;

interface CreateRequest {
  path: string;
  /** Null: NAME.torrent in the current folder. */
  output: string | null;
  /** Replaces an existing file. */
  force: boolean;
  mode: ReportMode;
  torrent: CreateOptions;
}

/** Resolves to the exit code. Rejects as `createTorrent` does. */
async function runCreate(context: CliContext, request: CreateRequest): Promise<number> {
  const { platform, output } = context;
  const { name, target } = chooseTarget(platform.files, request);
  const startedAt = platform.clock.now();
  const reporter = createReporter(context, request.mode, name);
  const interrupt = watchInterrupt(platform, () => {
    reporter.close();
    return output.flush();
  });
  try {
    const created = await createTorrent(platform, request.path, {
      ...request.torrent,
      signal: interrupt.signal,
      onProgress: (hashed, total) => reporter.progress(hashed, total),
    });
    const seconds = (platform.clock.now() - startedAt) / 1000;
    refuseToReplace(platform.files, target, request);
    await platform.files.writeWhole(target, created.bytes);
    reporter.close();
    reporter.created(created, target, seconds);
    return EXIT_DONE;
  } catch (error) {
    reporter.close();
    if (!interrupt.requested) throw error;
    reporter.interrupted();
    return EXIT_INTERRUPTED;
  } finally {
    reporter.close();
    interrupt.release();
  }
}

/**
 * The torrent's name and the path of its .torrent. Throws a FileError if it cannot be written
 * there.
 */
function chooseTarget(files: Files, request: CreateRequest): { name: string; target: string } {
  const source = files.absolute(request.path);
  const name = request.torrent.name ?? lastPart(source);
  const output = request.output ?? ".";
  const inFolder = files.stat(files.absolute(output))?.kind === "directory";
  const target = files.absolute(inFolder ? `${output}/${torrentFileName(name)}` : output);
  const folder = files.absolute(`${target}/..`);
  if (files.stat(folder) === null) {
    throw new FileError(
      "not-found",
      folder,
      `Cannot write ${target}: there is no folder ${folder}`,
    );
  }
  refuseToReplace(files, target, request);
  if (files.stat(target) !== null && `${target}/`.startsWith(`${source}/`)) {
    throw new FileError(
      "exists",
      target,
      `Cannot replace ${target}: that file is one of those to be shared. Choose another file with -o`,
    );
  }
  return { name, target };
}

/** The name, cut to the length of a file name. */
function torrentFileName(name: string): string {
  const characters = [...name];
  while (utf8Length(`${characters.join("")}.torrent`) > MAX_NAME_BYTES) characters.pop();
  return `${characters.join("")}.torrent`;
}

function refuseToReplace(files: Files, target: string, { force }: CreateRequest): void {
  if (force || files.stat(target) === null) return;
  throw new FileError("exists", target, `${target} exists already; --force replaces it`);
}

/** Files that macOS, Windows and Synology create in every folder that they show. */
const JUNK: ReadonlySet<string> = new Set([".ds_store", "thumbs.db", "desktop.ini", "@eadir"]);

/** A glob with "/" matches the path below the folder, any other one the name. */
function leavesOut(globs: readonly string[], keepJunk: boolean): LeavesOut {
  const tests = globs.map((glob) => {
    const pattern = globPattern(glob.replace(/^\.?\/|\/$/g, "")), ofPath = glob.includes("/");
    return (path: readonly string[]) => pattern.test(ofPath ? path.join("/") : path.at(-1)!);
  });
  return (path) => {
    if (!keepJunk && JUNK.has(path.at(-1)!.toLowerCase())) return true;
    return tests.some((test) => test(path));
  };
}

// --- The output: a bar and a summary, JSON lines, or nothing. ---

interface CreateReporter {
  /** Bytes hashed, and in all. */
  progress(hashed: number, total: number): void;
  /** The .torrent was written to `path`; `seconds` since the start. */
  created(made: CreatedTorrent, path: string, seconds: number): void;
  interrupted(): void;
  /** Removes the bar. */
  close(): void;
}

const PROGRESS_EVERY_MS = 1000;

function createReporter(
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

/** Quoted for a shell; unprintable characters take the form that bash and zsh accept. */
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
