/** `shoal token`: tokens with which other machines and programs use the daemon's API. */
import { type Flags, single } from "../args.ts";
import { EXIT_DONE, UsageError } from "../errors.ts";
import type { Column } from "../render/columns.ts";
import { safeText } from "../render/text.ts";
import { defineRemote, printDone, printRows } from "../remote/remote_command.ts";
import { oneOf } from "../values.ts";

interface Token {
  readonly name: string;
  readonly may: string;
}

const FLAGS = {
  may: single(
    "WHAT",
    "read: look; add: look and add torrents; all: everything (default)",
    oneOf("read", "add", "all"),
    "all",
  ),
} satisfies Flags;

const COLUMNS: readonly Column<Token>[] = [
  { title: "Name", text: ({ name }) => safeText(name) },
  { title: "May", text: ({ may }) => may },
];

export const tokenCommand = defineRemote({
  name: "token",
  operands: "[add NAME | remove NAME]",
  count: [0, 2],
  summary: "Makes, lists and removes tokens for the daemon's API",
  details:
    "A token is shown once, when it is made; the daemon keeps only its hash. Other machines give it in\n" +
    "SHOAL_TOKEN or with --token-file, programs in the header Authorization: Bearer TOKEN.",
  examples: [
    "shoal token add laptop",
    "shoal token add monitor --may read",
    "shoal token remove laptop",
  ],
  flags: FLAGS,
  async run(session, { may }, [what = "list", name]) {
    const { remote, output, json } = session;
    if (what === "list") {
      const { tokens } = await remote.get<{ tokens: Token[] }>("/tokens");
      if (tokens.length === 0 && !json) output.line("There are no tokens");
      else printRows(session, COLUMNS, tokens);
      return EXIT_DONE;
    }
    if (name === undefined || what !== "add" && what !== "remove") {
      throw new UsageError("Usage: shoal token add NAME, shoal token remove NAME");
    }
    if (what === "remove") {
      await remote.delete(`/tokens/${encodeURIComponent(name)}`);
      printDone(session, `Removed the token ${safeText(name)}`, { type: "removed", name });
      return EXIT_DONE;
    }
    const made = await remote.post<Token & { token: string }>("/tokens", { name, may });
    printDone(session, made.token, { type: "token", ...made });
    return EXIT_DONE;
  },
});
