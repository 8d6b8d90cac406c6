/** How a command reaches the daemon: by its Unix socket, or by a URL with a token. */
import { readNote } from "../../daemon/instance.ts";
import type { Platform } from "../../platform/types.ts";
import { type Flags, toggle } from "../args.ts";
import type { CliContext } from "../command.ts";
import { UsageError } from "../errors.ts";
import { optional } from "../option_flags.ts";
import { stateFolder } from "../state_folder.ts";
import { notEmpty } from "../values.ts";
import { noDaemon, NoDaemonError } from "./errors.ts";
import { Remote } from "./remote.ts";

export const REMOTE_FLAGS = {
  url: optional(
    "URL",
    "Daemon to control, as http://host:9091; needs a token (default: the one of this machine)",
    httpUrl,
  ),
  "token-file": optional(
    "FILE",
    "File with the token for --url; the variable SHOAL_TOKEN does the same",
    notEmpty,
  ),
  "state-dir": optional(
    "DIR",
    "State folder of the daemon of this machine (default: ~/.local/state/shoal)",
    notEmpty,
  ),
  json: toggle("Print JSON"),
} satisfies Flags;

interface RemoteValues {
  readonly url: string | null;
  readonly "token-file": string | null;
  readonly "state-dir": string | null;
}

/** More than any token has. */
const MAX_TOKEN_BYTES = 1000;

/** Rejects with a NoDaemonError, UsageError or FileError. */
export async function connect({ platform }: CliContext, values: RemoteValues): Promise<Remote> {
  const url = values.url ?? (platform.process.env("SHOAL_URL") || null);
  if (url !== null) {
    const token = await tokenFor(platform, values["token-file"]);
    return new Remote(platform.http, { url: httpUrl(url), unix: null, token });
  }
  const unix = await socketOf(platform, values["state-dir"]);
  return new Remote(platform.http, { url: "http://localhost", unix, token: null });
}

async function tokenFor(platform: Platform, file: string | null): Promise<string | null> {
  if (file === null) return platform.process.env("SHOAL_TOKEN") || null;
  const bytes = await platform.files.read(file, MAX_TOKEN_BYTES);
  return new TextDecoder().decode(bytes).trim();
}

async function socketOf(platform: Platform, named: string | null): Promise<string> {
  const { process, files } = platform;
  const dir = named ?? (process.env("SHOAL_STATE_DIR") || stateFolder(process));
  if (dir === null) throw new UsageError("HOME is not set: name the state folder with --state-dir");
  const folder = files.absolute(dir), note = await readNote(files, folder);
  if (note === null) throw noDaemon(`No daemon runs with the state folder ${folder}`);
  if (note.unix === null) {
    throw new NoDaemonError(
      "The daemon has no Unix socket (the setting unix is empty): name its address with --url",
    );
  }
  return note.unix;
}

function httpUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && /^https?:$/.test(url.protocol)) return text.replace(/\/+$/, "");
  throw new UsageError(`"${text}" is not a URL such as http://host:9091`);
}
