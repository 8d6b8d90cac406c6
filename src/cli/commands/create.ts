/** `shoal create`: makes a .torrent of a file or folder. */
import { type Flags, repeated, single, toggle, type ValuesOf } from "../args.ts";
import { defineCommand } from "../command.ts";
import { runCreate } from "../create_run.ts";
import { leavesOut } from "../exclude.ts";
import { optional, REPORT_FLAGS, reportMode } from "../swarm_flags.ts";
import { notEmpty, pieceLength, trackerUrl, trackerUrls, webSeedUrl } from "../values.ts";

const FLAGS = {
  output: optional("FILE", "The .torrent to write (default: NAME.torrent, here)", notEmpty, "o"),
  announce: repeated("URL", "A tracker, in a tier of its own; may be repeated", trackerUrl),
  tier: repeated(
    '"URL URL"',
    "Trackers that share a tier, after those of --announce; may be repeated",
    trackerUrls,
  ),
  webseed: repeated("URL", "A web server that has the same files; may be repeated", webSeedUrl),
  exclude: repeated(
    "GLOB",
    "Files or folders to leave out, like '*.tmp' or 'sub/*.nfo'; may be repeated",
    notEmpty,
  ),
  "keep-junk": toggle("Include .DS_Store, Thumbs.db, desktop.ini and @eaDir too"),
  private: toggle("Mark as private: no DHT, peer exchange or local discovery"),
  comment: optional("TEXT", "A comment that other clients show", notEmpty),
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
  pad: toggle("Start every file with a new piece, by padding between files (BEP 47)"),
  "no-date": toggle("Leave out the time of creation"),
  force: toggle("Replace FILE when it exists"),
  ...REPORT_FLAGS,
} satisfies Flags;

export type CreateValues = ValuesOf<typeof FLAGS>;

export const createCommand = defineCommand({
  name: "create",
  operands: "PATH",
  count: [1, 1],
  summary: "Makes a .torrent of a file or folder",
  details:
    "Hidden and empty files are included; symbolic links, empty folders and files that file\n" +
    "managers make (.DS_Store, Thumbs.db, desktop.ini, @eaDir) are left out.\n" +
    "The info-hash is that of mktorrent for the same choices, with --pad that of libtorrent.",
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
