/** What the routes use. */
import type { HttpParts } from "../http/parts.ts";
import type { Live } from "./live.ts";

export interface ApiPorts extends HttpParts {
  readonly live: Live;
}
