/** Writes docs/options.md from the table of options: `deno run -A scripts/options.ts`. */
import { writeFile } from "node:fs/promises";
import { CLIENT_OPTIONS, type OptionRow, TORRENT_OPTIONS } from "../src/client/settings.ts";

type Rows = Readonly<Record<string, OptionRow>>;

/** What docs/options.md holds. */
export function optionsText(): string {
  return [
    "# Options",
    "",
    "Made by `scripts/options.ts` from `src/client/settings.ts`. *Kept*: a restart with the same",
    "`stateDir` knows it. *Changeable*: `update` changes it while the torrent or the client runs. An option",
    "that is not in these tables is refused by name.",
    "",
    "## Of a torrent: `client.add(torrent, options)`",
    "",
    ...table(TORRENT_OPTIONS),
    "",
    "## Of a client: `createClient(options)`",
    "",
    ...table(CLIENT_OPTIONS),
    "",
  ].join("\n");
}

function table(rows: Rows): string[] {
  return [
    "| option | what | must be | default | kept | changeable | flag |",
    "|---|---|---|---|---|---|---|",
    ...Object.entries(rows).map(([name, row]) => {
      const flags = (row.flags ?? []).map((flag) => `\`--${flag.name}\``).join(", ");
      const cells = [
        `\`${name}\``,
        row.help,
        row.kind.allowed,
        defaultOf(row),
        row.kept ? "yes" : "",
        row.changeable ? "yes" : "",
        flags,
      ];
      return `| ${cells.join(" | ")} |`;
    }),
  ];
}

function defaultOf(row: OptionRow): string {
  if (row.required) return "none: it must be given";
  const { default: value, otherwise } = row;
  if (otherwise !== undefined) return otherwise;
  if (value === undefined) return "";
  if (Array.isArray(value)) return "none";
  if (typeof value !== "object") return `\`${String(value)}\``;
  return (value as { kind?: string } | null)?.kind ?? "no limits";
}

if (import.meta.main) {
  await writeFile(new URL("../docs/options.md", import.meta.url), optionsText());
}
