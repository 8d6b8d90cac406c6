import { createClock } from "../../src/platform/shared/clock.ts";
import { createHttpClient } from "../../src/platform/shared/http_client.ts";
import { nodeExchange } from "../../src/platform/shared/node_line.ts";

/** The platform's own client; `ca`: certificates (PEM) to trust instead of the system's. */
export function realHttp(ca?: string) {
  return createHttpClient({
    after: createClock().after,
    start: (outgoing) => nodeExchange(outgoing, ca),
  });
}
