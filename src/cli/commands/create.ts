/** `shoal create`: makes a .torrent of a file or folder. */
import { type Flags, repeated, single, toggle, type ValuesOf } from "../args.ts";
import { defineCommand } from "../command.ts";
import { runCreate } from "../create_run.ts";
import { optional, REPORT_FLAGS, reportMode } from "../swarm_flags.ts";
import { notEmpty, pieceLength, trackerUrl, trackerUrls, webSeedUrl } from "../values.ts";

const FLAGS = {
  output: optional("FILE", "Where to write it (default: NAME.torrent, here)", notEmpty, "o"),
  announce: repeated("URL", "A tracker, a tier of its own; may be repeated", trackerUrl),
  tier: repeated(
    '"URL URL"',
    "Trackers that share a tier, after those of --announce; may be repeated",
    trackerUrls,
  ),
  webseed: repeated("URL", "A web server that has the same files; may be repeated", webSeedUrl),
  private: toggle("Lets peers come from its trackers only"),
  comment: optional("TEXT", "Shown to those who open it", notEmpty),
  source: optional(
    "TEXT",
    "A text that makes its info-hash another one; trackers ask for it",
    notEmpty,
  ),
  name: optional("NAME", "Its name (default: that of PATH)", notEmpty),
  "piece-length": single<number | null>(
    "SIZE",
    "A power of two from 16K to 256M; auto (default): up to 16M, for at most 2,048 pieces",
    pieceLength,
    null,
  ),
  pad: toggle("Lets every file start with a piece, by padding between them (BEP 47)"),
  "no-date": toggle("Leaves the time of creation out"),
  force: toggle("Replaces FILE when it exists"),
  ...REPORT_FLAGS,
} satisfies Flags;

export type CreateValues = ValuesOf<typeof FLAGS>;

export const createCommand = defineCommand({
  name: "create",
  operands: "PATH",
  count: [1, 1],
  summary: "Makes a .torrent of a file or of all files in a folder",
  details:
    "Hidden and empty files are taken, too; symbolic links and empty folders are left out.\n" +
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
    ...(values["no-date"] && { creationDate: null }),
  };
}
