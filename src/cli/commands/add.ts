/** `shoal add`: gives torrents to the daemon. */
import { TORRENT_OPTIONS } from "../../client/settings.ts";
import type { AddOptions, FileSelection } from "../../client/types.ts";
import { type Flags, repeated, toggle, type ValuesOf } from "../args.ts";
import { describeError, EXIT_DONE, exitCodeFor, UsageError, worstOf } from "../errors.ts";
import { selectionBy } from "../file_flags.ts";
import { isMagnet, loadTorrent, parseLoaded } from "../load_torrent.ts";
import { fileWishes, torrentFlags, torrentOptions } from "../option_flags.ts";
import { safeText } from "../render/text.ts";
import { parseMagnet } from "../../metainfo/magnet.ts";
import { toBase64 } from "../../util/base64.ts";
import { toHex } from "../../util/bytes.ts";
import { RemoteError } from "../remote/errors.ts";
import { defineRemote, printDone, type Session } from "../remote/remote_command.ts";
import { absoluteFor, idOf } from "../remote/torrents.ts";
import { waitFor } from "../remote/wait.ts";
import { notEmpty } from "../values.ts";

/** About a single run of a command, or done in another way here. */
const { "metadata-only": _, "wait-for-disk": __, rename: ___, ...OPTION_FLAGS } = torrentFlags(
  "download",
);

const FLAGS = {
  label: repeated("LABEL", "Label of the torrents; may be repeated", notEmpty),
  paused: toggle("Add them without starting them"),
  "choose-later": toggle(
    "For magnet links: stop when the files are known, to choose with shoal files",
  ),
  wait: toggle("Wait until they are complete, and show progress"),
  ...OPTION_FLAGS,
} satisfies Flags;

type Values = ValuesOf<typeof FLAGS>;

interface Added {
  readonly infoHash: string;
  readonly name: string;
}

export const addCommand = defineRemote({
  name: "add",
  operands: "TORRENT...",
  count: [1, 1000],
  summary: "Adds torrents to the daemon: .torrent files, http(s) URLs or magnet links",
  details:
    "- reads one of these from each line of standard input. Options that are left out are those of the\n" +
    "daemon (shoal config: torrents.dir, torrents.seedGoal, ...). A torrent that it has already is no\n" +
    "error.",
  examples: [
    "shoal add debian.torrent",
    "shoal add 'magnet:?xt=urn:btih:...' --label linux --dir /mnt/big",
    "shoal add series.torrent --files '*.mkv' --wait",
  ],
  flags: FLAGS,
  async run(session, values, operands) {
    const sources = await withInput(session, operands);
    if (sources.length === 0) throw new UsageError("Standard input names no torrent");
    const added: Added[] = [], codes: number[] = [];
    for (const source of sources) {
      try {
        added.push(await add(session, source, values));
      } catch (error) {
        if (sources.length === 1) throw error;
        session.output.errorLine(`shoal: ${safeText(source)}: ${safeText(describeError(error))}`);
        codes.push(exitCodeFor(error));
      }
    }
    if (values.wait) codes.push(await waitFor(session, added.map(({ infoHash }) => infoHash)));
    return worstOf([EXIT_DONE, ...codes]);
  },
});

async function withInput({ platform }: Session, operands: readonly string[]): Promise<string[]> {
  const sources: string[] = [];
  for (const operand of operands) {
    if (operand !== "-") sources.push(operand);
    else {
      for (let line; (line = await platform.process.readLine()) !== null;) {
        if (line.trim() !== "") sources.push(line.trim());
      }
    }
  }
  return sources;
}

async function add(session: Session, source: string, values: Values): Promise<Added> {
  const { infoHash, ...body } = await sourceOf(session, source, values);
  const { remote } = session;
  try {
    const added = await remote.post<Added>("/torrents", {
      ...body,
      options: optionsOf(session, values),
    });
    const text = `Added ${idOf(added)} ${safeText(added.name)}`;
    printDone(session, text, { type: "added", infoHash, name: added.name });
    return added;
  } catch (error) {
    if (!(error instanceof RemoteError) || error.code !== "duplicate") throw error;
    const known = await remote.get<Added>(`/torrents/${infoHash}`);
    const text = `The daemon has ${idOf(known)} ${safeText(known.name)} already`;
    printDone(session, text, { type: "duplicate", infoHash, name: known.name });
    return known;
  }
}

interface Source {
  readonly infoHash: string;
  readonly magnet?: string;
  /** Base64. */
  readonly torrent?: string;
  readonly files?: Record<string, unknown>;
}

async function sourceOf(
  { platform }: Session,
  source: string,
  values: Values,
): Promise<Source> {
  const select = selectionBy(fileWishes(values));
  if (!isMagnet(platform, source)) {
    const bytes = await loadTorrent(platform, source), meta = parseLoaded(platform, source, bytes);
    const files = select === undefined ? {} : { files: plainFiles(select(meta)) };
    return { infoHash: toHex(meta.infoHash), torrent: toBase64(bytes), ...files };
  }
  if (select === undefined) {
    return { infoHash: toHex(parseMagnet(source).infoHash), magnet: source };
  }
  throw new UsageError(
    "The files of a magnet link are not known yet: add it with --choose-later, then use shoal files",
  );
}

/** As JSON of the API. */
function optionsOf(session: Session, values: Values): Record<string, unknown> {
  const { waitForDisk: _, files: __, ...options } = torrentOptions(
    values,
    session.platform.process,
  );
  const given: Partial<AddOptions> = {
    ...options,
    ...(values.label.length > 0 ? { labels: [...values.label] } : {}),
    ...(values.paused ? { paused: true } : {}),
    ...(values["choose-later"] ? { stopAfterMetadata: true } : {}),
  };
  const plain = Object.entries(given).map(([name, value]) => {
    const { pack } = TORRENT_OPTIONS[name as keyof typeof TORRENT_OPTIONS].kind as {
      pack(value: unknown, path: (path: string) => string): unknown;
    };
    return [name, pack(value, (path) => absoluteFor(session, path))];
  });
  return Object.fromEntries(plain);
}

function plainFiles({ priorities, sequential, ...others }: FileSelection): Record<string, unknown> {
  return {
    ...others,
    ...(priorities === undefined ? {} : { priorities: Object.fromEntries(priorities) }),
    ...(sequential === undefined ? {} : { sequential: [...sequential] }),
  };
}
