/** `shoal files`: the files of a torrent of the daemon, and which of them are downloaded. */
import type { FileSnapshot } from "../../client/types.ts";
import { type Flags, single } from "../args.ts";
import { EXIT_DONE, UsageError } from "../errors.ts";
import { type FileSpec, fileSpec, indicesOf } from "../file_flags.ts";
import { optional } from "../option_flags.ts";
import type { Column } from "../render/columns.ts";
import { formatPercent, formatSize } from "../render/format.ts";
import { safeText } from "../render/text.ts";
import { defineRemote, printRows } from "../remote/remote_command.ts";
import { listTorrents, NAMING, torrentNamed } from "../remote/torrents.ts";

const SKIPPED = 0, LOW = 1, NORMAL = 4, HIGH = 7;

const list = (help: string) => optional("LIST", help, fileSpec);

const FLAGS = {
  only: list("Download only these: 1-3,8 (numbers of this list), *.mkv, >100M"),
  get: list("Download these as well"),
  skip: list("Do not download these"),
  first: list("Download these before the others"),
  last: list("Download these after the others"),
  rename: single("INDEX=NAME", "Rename a file: 3=film.mkv", renaming, null as Renaming | null),
} satisfies Flags;

interface Renaming {
  readonly number: number;
  readonly name: string;
}

interface Row extends FileSnapshot {
  readonly number: number;
}

export const FILE_COLUMNS: readonly Column<Row>[] = [
  { title: "#", text: ({ number }) => String(number), right: true },
  { title: "Done", text: ({ bytesDone, size }) => formatPercent(bytesDone, size), right: true },
  { title: "Size", text: ({ size }) => formatSize(size), right: true },
  { title: "Priority", text: ({ priority }) => priorityText(priority) },
  { title: "Name", text: ({ name }) => safeText(name), flexible: true },
];

export const filesCommand = defineRemote({
  name: "files",
  operands: "TORRENT",
  count: [1, 1],
  summary: "Lists the files of a torrent of the daemon, and chooses which are downloaded",
  details: `Without a flag it only lists them.\n${NAMING}`,
  examples: [
    "shoal files debian",
    "shoal files series --only 's01*' --first 1",
    "shoal files film --skip '*.nfo'",
  ],
  flags: FLAGS,
  async run(session, values, [name]) {
    const { remote } = session;
    const { infoHash } = torrentNamed(await listTorrents(remote), name!);
    const path = `/torrents/${infoHash}/files`;
    let { files } = await remote.get<{ files: FileSnapshot[] }>(path);
    const choice = choiceOf(values, files);
    if (choice !== null) {
      ({ files } = await remote.patch<{ files: FileSnapshot[] }>(path, choice));
    }
    if (values.rename !== null) {
      const file = files[values.rename.number - 1];
      if (file === undefined) throw new UsageError(`There is no file ${values.rename.number}`);
      await remote.put(`${path}/${file.index}/name`, { path: values.rename.name });
      ({ files } = await remote.get<{ files: FileSnapshot[] }>(path));
    }
    printRows(session, FILE_COLUMNS, files.map((file, i) => ({ number: i + 1, ...file })));
    return EXIT_DONE;
  },
});

type Wishes = Readonly<Record<"only" | "get" | "skip" | "first" | "last", FileSpec | null>>;

/** The body of the request; null if nothing is to change. Later flags of this list win. */
function choiceOf(wishes: Wishes, files: readonly FileSnapshot[]) {
  const priorities: Record<string, number> = {};
  const give = (spec: FileSpec | null, priority: number) => {
    if (spec === null) return;
    for (const index of indicesOf(likeMetainfo(files), spec)) {
      priorities[files[index]!.index] = priority;
    }
  };
  if (wishes.only !== null) { for (const { index } of files) priorities[index] = SKIPPED; }
  give(wishes.only, NORMAL);
  give(wishes.get, NORMAL);
  give(wishes.last, LOW);
  give(wishes.first, HIGH);
  give(wishes.skip, SKIPPED);
  return Object.keys(priorities).length === 0 ? null : { priorities };
}

/** For the patterns of `--files`. */
function likeMetainfo(files: readonly FileSnapshot[]) {
  return {
    files: files.map(({ name, size }) => ({ path: name.split("/"), length: size, pad: false })),
  };
}

function priorityText(priority: number): string {
  if (priority === SKIPPED) return "skipped";
  return priority < NORMAL ? "low" : priority > NORMAL ? "high" : "normal";
}

function renaming(text: string): Renaming {
  const match = /^(\d{1,7})=(.+)$/s.exec(text);
  if (match !== null) return { number: Number(match[1]), name: match[2]! };
  throw new UsageError(`"${text}" is not INDEX=NAME`);
}
