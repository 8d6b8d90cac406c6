/** Writes the table of routes in docs/api.md: `deno run -A scripts/api.ts`. */
import { readFile, writeFile } from "node:fs/promises";
import { apiRoutes } from "../src/daemon/api/api.ts";
import type { ApiPorts } from "../src/daemon/api/ports.ts";

export const API_DOC = new URL("../docs/api.md", import.meta.url);
const BEGIN = "<!-- routes -->", END = "<!-- end of routes -->";

/** The text of docs/api.md with the table as the routes are now. */
export function withRoutes(text: string): string {
  const before = text.slice(0, text.indexOf(BEGIN)), after = text.slice(text.indexOf(END));
  return [before + BEGIN, ...table(), after].join("\n");
}

function table(): string[] {
  // The handlers are not called.
  const none = { client: {}, settings: {}, platform: {}, live: {} } as unknown as ApiPorts;
  const rows = apiRoutes(none).map(({ method, path, summary, needs, body, bytes }) => {
    const sent = [body === null ? "" : "JSON", bytes ?? ""].filter((each) => each !== "");
    return `| \`${method} ${path}\` | ${summary} | ${needs} | ${sent.join(" or ")} |`;
  });
  return ["", "| route | what | needs | body |", "|---|---|---|---|", ...rows, ""];
}

if (import.meta.main) {
  await writeFile(API_DOC, withRoutes(await readFile(API_DOC, "utf8")));
}
