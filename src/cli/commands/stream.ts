/** `shoal stream`: plays a file of a torrent while it is downloaded. */
import type { Client } from "../../client/client.ts";
import type { AddOptions, TorrentFile } from "../../client/types.ts";
import { fileReply } from "../../daemon/stream/file_reply.ts";
import { isMedia, isVideo } from "../../daemon/stream/media_types.ts";
import type { HttpServer, Platform, RunningProgram } from "../../platform/types.ts";
import type { Torrent } from "../../torrent/torrent.ts";
import { toHex } from "../../util/bytes.ts";
import { FileError } from "../../util/errors.ts";
import { type Flags, toggle } from "../args.ts";
import { type CliContext, defineCommand } from "../command.ts";
import { configured, overConfigured } from "../config_settings.ts";
import { EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, UsageError } from "../errors.ts";
import { fileSpec, indicesOf } from "../file_flags.ts";
import { type Interrupt, watchInterrupt, within } from "../interrupt.ts";
import { loadSource, readable } from "../load_torrent.ts";
import {
  clientFlags,
  clientOptions,
  optional,
  torrentFlags,
  torrentOptions,
} from "../option_flags.ts";
import { formatSize } from "../render/format.ts";
import { showBar } from "../render/progress_bar.ts";
import { safeText } from "../render/text.ts";
import { openState, stateChoice } from "../state_folder.ts";
import { notEmpty } from "../values.ts";

/** About files that are chosen otherwise here, or nothing to play. */
const { files: _, first: __, "ends-first": ___, "metadata-only": ____, ...OPTION_FLAGS } =
  torrentFlags("download");

const FLAGS = {
  player: optional("PROGRAM", "Player to start with the URL (default: mpv, then vlc)", notEmpty),
  "no-player": toggle("Only print the URL, and serve it until Ctrl-C"),
  ...OPTION_FLAGS,
  ...clientFlags("download"),
} satisfies Flags;

const PLAYERS: readonly string[] = ["mpv", "vlc"];
/** What the player gets at once when it starts. */
const FIRST_BYTES = 256 * 1024;
const CLOSE_LIMIT_MS = 2700;
/** Characters of the player's output that are shown if it fails. */
const MOST_OUTPUT = 2000;

export const streamCommand = defineCommand({
  name: "stream",
  operands: "TORRENT [FILE]",
  count: [1, 2],
  summary: "Plays a file of a torrent while it is downloaded",
  details:
    "FILE is its number in shoal show, or a pattern such as *.mkv; without it the largest video is\n" +
    "played. What the player reads next is downloaded first, also after a jump. It seeds while it plays\n" +
    "and ends with the player. The file stays in the folder of -o, so that the same command continues.",
  examples: [
    "shoal stream film.torrent",
    "shoal stream 'magnet:?xt=urn:btih:...' '*e02*' --player vlc",
    "shoal stream film.torrent --no-player",
  ],
  flags: FLAGS,
  async run(context, values, [source, file]) {
    const { platform } = context, { process } = platform;
    const { client, torrent, stateDir } = await configured(platform, "download");
    const options = overConfigured(client, clientOptions(values));
    const add = { dir: ".", ...torrent, ...torrentOptions(values, process) };
    const state = openState(platform, stateChoice(values, process, stateDir));
    if (state.warning !== null) context.output.errorLine(state.warning);
    const interrupt = watchInterrupt(platform, () => context.output.flush());
    const { Client } = await import("../../client/client.ts");
    const opened = await Client.open(platform, {
      ...options,
      ...(state.stateDir === null ? {} : { stateDir: state.stateDir }),
    });
    try {
      const wish = { file, player: values.player, isSilent: values["no-player"] };
      return await play(context, await added(context, opened, source!, add), wish, interrupt);
    } finally {
      await within(platform.clock, CLOSE_LIMIT_MS, opened.close());
      interrupt.release();
    }
  },
});

interface Wish {
  readonly file: string | undefined;
  readonly player: string | null;
  readonly isSilent: boolean;
}

async function added(
  { platform }: CliContext,
  client: Client,
  source: string,
  add: AddOptions,
): Promise<Torrent> {
  const loaded = await loadSource(platform, source);
  const parsed = typeof loaded === "string" ? loaded : readable(platform, loaded);
  return client.add(parsed, { ...add, seedGoal: { kind: "forever" } });
}

async function play(
  context: CliContext,
  torrent: Torrent,
  wish: Wish,
  interrupt: Interrupt,
): Promise<number> {
  const { platform, output } = context;
  const failed = torrent.ended.then(() => {
    throw torrentError(torrent);
  });
  failed.catch(() => {});
  const asked = interrupt.asked.then(() => null);
  output.errorLine(`Looking for ${safeText(torrent.status().name)} ...`);
  if (await Promise.race([torrent.ready.then(() => true), failed, asked]) === null) {
    return EXIT_INTERRUPTED;
  }
  const file = chosenFile(torrent, wish.file), server = await serve(platform, torrent, file);
  const url = `http://127.0.0.1:${server.port}${server.path}`;
  const bar = showBar(context, file.name);
  const showing = watch(platform, torrent, file, bar);
  try {
    output.errorLine(`Playing ${safeText(file.name)}, ${formatSize(file.size)}`);
    if (wish.isSilent) output.line(url);
    const isHere = firstBytes(file);
    if (await Promise.race([isHere, failed, asked]) === null) return EXIT_INTERRUPTED;
    const player = wish.isSilent ? null : await started(platform, wish.player, url);
    if (player === null && !wish.isSilent) {
      output.errorLine("No player was found (mpv, vlc): open this URL, or name one with --player");
      output.line(url);
    }
    return await untilEnd(context, player, failed, interrupt);
  } finally {
    showing.cancel();
    bar.close();
    await server.close();
  }
}

function torrentError(torrent: Torrent): Error {
  const { error, state } = torrent.status();
  return new FileError("io", torrent.status().dir, error?.message ?? `The torrent is ${state}`);
}

/** Throws a UsageError if nothing fits. */
function chosenFile(torrent: Torrent, wanted: string | undefined): TorrentFile {
  const files = torrent.files()!, playable = files.filter(({ name }) => isVideo(name));
  if (wanted !== undefined) {
    const meta = files.map(({ name, size }) => ({
      path: name.split("/"),
      length: size,
      pad: false,
    }));
    const [first] = indicesOf({ files: meta }, fileSpec(wanted));
    return files[first!]!;
  }
  const among = playable.length > 0 ? playable : files.filter(({ name }) => isMedia(name));
  const [largest] = among.toSorted((a, b) => b.size - a.size);
  if (largest !== undefined) return largest;
  throw new UsageError("The torrent has no video or audio: name a FILE (shoal show lists them)");
}

/** On this machine alone, under a path that nobody can guess. */
async function serve(
  { http, random, files }: Platform,
  torrent: Torrent,
  { index, name }: TorrentFile,
): Promise<HttpServer & { path: string }> {
  const secret = toHex(random.fill(new Uint8Array(16)));
  const path = `/${secret}/${encodeURIComponent(name.split("/").at(-1)!)}`;
  const server = await http.serve({ port: 0 }, (request) => {
    const file = torrent.files()!.find((each) => each.index === index)!;
    if (new URL(request.url).pathname !== path) return new Response(null, { status: 404 });
    return fileReply(files, torrent, file, request);
  });
  return { port: server.port, close: () => server.close(), path };
}

async function firstBytes(file: TorrentFile): Promise<true> {
  for await (const _ of file.stream({ end: Math.min(FIRST_BYTES, file.size) })) {
    // They are here: that is all.
  }
  return true;
}

function watch(
  { clock }: Platform,
  torrent: Torrent,
  { index }: TorrentFile,
  bar: ReturnType<typeof showBar>,
) {
  let timer = clock.after(0, tick);
  function tick(): void {
    const file = torrent.files()?.find((each) => each.index === index);
    if (file !== undefined) bar.at(file.bytesDone, file.size);
    timer = clock.after(1000, tick);
  }
  return { cancel: () => timer.cancel() };
}

/** Null if there is none. Rejects with a FileError if the one that was named cannot be started. */
async function started(
  { programs, process }: Platform,
  named: string | null,
  url: string,
): Promise<RunningProgram | null> {
  const env = process.variables("");
  for (const player of named === null ? PLAYERS : [named]) {
    try {
      const argv = [...player.split(" ").filter((part) => part !== ""), url];
      return await programs.start({ argv, env, maxOutput: MOST_OUTPUT });
    } catch (error) {
      const isMissing = error instanceof FileError && error.code === "not-found";
      if (named !== null || !isMissing) throw error;
    }
  }
  return null;
}

async function untilEnd(
  { output }: CliContext,
  player: RunningProgram | null,
  failed: Promise<never>,
  interrupt: Interrupt,
): Promise<number> {
  const asked = interrupt.asked.then(() => null);
  const end = await Promise.race([player?.ended ?? asked, failed, asked]);
  if (end === null) {
    player?.end();
    return player === null ? EXIT_DONE : EXIT_INTERRUPTED;
  }
  if (end.code === 0 || end.code === null) return EXIT_DONE;
  output.errorLine(`The player ended with ${end.code}: ${safeText(end.output.trim())}`);
  return EXIT_FAILED;
}
