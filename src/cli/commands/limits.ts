/** `shoal limits`: rate limits of the daemon and of its torrents. */
import type { Flags } from "../args.ts";
import { EXIT_DONE } from "../errors.ts";
import { optional } from "../option_flags.ts";
import { formatRate } from "../render/format.ts";
import { safeText } from "../render/text.ts";
import { defineRemote, printDone, type Session } from "../remote/remote_command.ts";
import { chosenTorrents, NAMING, TORRENT_CHOICE } from "../remote/torrents.ts";
import { oneOf, rate } from "../values.ts";

const FLAGS = {
  down: optional(
    "RATE",
    "Most bytes to download in a second, like 5M; none for no limit",
    rateOrNone,
  ),
  up: optional("RATE", "The same for uploads", rateOrNone),
  alternative: optional(
    "on|off",
    "Use the alternative limits of the daemon now, or not",
    oneOf("on", "off"),
  ),
  ...TORRENT_CHOICE,
} satisfies Flags;

/** As JSON has it: null is no limit. */
interface Limits {
  readonly down?: number | null;
  readonly up?: number | null;
}

export const limitsCommand = defineRemote({
  name: "limits",
  operands: "[TORRENT...]",
  count: [0, 1000],
  summary: "Shows and changes rate limits of the daemon, or of torrents",
  details: `Without a TORRENT, those of all torrents together.\n${NAMING}`,
  examples: [
    "shoal limits",
    "shoal limits --down 5M --up 500K",
    "shoal limits --alternative on",
    "shoal limits debian --up none",
  ],
  flags: FLAGS,
  async run(session, values, names) {
    const change = given(values),
      isSome = names.length > 0 || values.all || values.label.length > 0;
    if (!isSome) {
      await ofDaemon(session, change, values.alternative);
      return EXIT_DONE;
    }
    for (const { infoHash, name } of await chosenTorrents(session.remote, names, values)) {
      const path = `/torrents/${infoHash}`, isAsked = Object.keys(change).length === 0;
      const { options } = isAsked
        ? await session.remote.get<Torrent>(path)
        : await session.remote.patch<Torrent>(path, { limits: change });
      const limits = options.limits ?? {};
      const text = `${safeText(name)}: ${limitsText(limits)}`;
      printDone(session, text, { type: "limits", infoHash, name, ...shown(limits) });
    }
    return EXIT_DONE;
  },
});

interface Torrent {
  readonly options: { readonly limits?: Limits };
}

interface Setting {
  readonly name: string;
  readonly value?: unknown;
}

async function ofDaemon(
  session: Session,
  change: Limits,
  alternative: string | null,
): Promise<void> {
  const { remote } = session, patch: Record<string, unknown> = {};
  if (Object.keys(change).length > 0) patch["limits"] = change;
  if (alternative !== null) patch["alternative"] = { on: alternative === "on" };
  const { settings } = Object.keys(patch).length === 0
    ? await remote.get<{ settings: Setting[] }>("/settings")
    : await remote.patch<{ settings: Setting[] }>("/settings", patch);
  const { alternativeOn } = await remote.get<{ alternativeOn: boolean }>("/client");
  const limits = (settings.find(({ name }) => name === "limits")?.value ?? {}) as Limits;
  const note = alternativeOn ? "; the alternative limits hold now" : "";
  printDone(session, `All torrents together: ${limitsText(limits)}${note}`, {
    type: "limits",
    ...shown(limits),
    alternativeOn,
  });
}

function given({ down, up }: { down: number | "none" | null; up: number | "none" | null }): Limits {
  return {
    ...(down === null ? {} : { down: down === "none" ? null : down }),
    ...(up === null ? {} : { up: up === "none" ? null : up }),
  };
}

function shown({ down = null, up = null }: Limits): Limits {
  return { down, up };
}

function limitsText({ down, up }: Limits): string {
  const text = (limit: number | null | undefined) => limit == null ? "no limit" : formatRate(limit);
  return `${text(down)} down, ${text(up)} up`;
}

function rateOrNone(text: string): number | "none" {
  return text === "none" ? text : rate(text);
}
