/**
 * The Transmission RPC: its HTTP side and both dialects, the legacy one (rpc-version 17) and JSON-RPC
 * 2.0. Who calls, and from which host, was checked before.
 */
import { type Caller, mayDo } from "../http/types.ts";
import type { Arguments } from "./coerce.ts";
import { asObject } from "./coerce.ts";
import type { GeneralFacts } from "./facts.ts";
import { partsOf } from "./goal_parts.ts";
import { KnownTorrents } from "./known_torrents.ts";
import { jsonRpcAnswer } from "./json_rpc.ts";
import { JsonText, type MethodPorts, METHODS } from "./methods.ts";
import { numberText } from "./number_text.ts";
import type { RpcPorts } from "./ports.ts";
import { RpcError } from "./rpc_error.ts";
import { SessionId } from "./session_id.ts";
import { SessionMemory } from "./session_settings.ts";

/** The most bytes of a request: as large as a .torrent may be, in base64. */
export const MAX_REQUEST_BYTES = 48 * 1024 * 1024;

const SESSION_HEADER = "x-transmission-session-id";
const DEFAULT_STALLED_SECONDS = 300;

export class TransmissionRpc {
  readonly #ports: MethodPorts;

  constructor(ports: RpcPorts) {
    const { client, settings, clock, random } = ports;
    const memory = new SessionMemory();
    this.#ports = {
      ...ports,
      known: new KnownTorrents(client, clock),
      memory,
      sessionId: new SessionId(clock, random),
      startedAt: clock.now(),
      session: {
        memory,
        roots: ports.roots,
        get port() {
          return client.port;
        },
      },
      general: () => ({
        wallSeconds: clock.wallTime() / 1000,
        goal: partsOf(settings.present.torrents.seedGoal),
        stalledSeconds: settings.present.queue?.stalledSeconds ?? DEFAULT_STALLED_SECONDS,
        jsonRpc: false,
      }),
    };
  }

  /** Answers a request for /transmission/rpc; its body is of at most MAX_REQUEST_BYTES. */
  async handle(request: Request, who: Pick<Caller, "may">): Promise<Response> {
    const id = this.#ports.sessionId.text;
    if (request.method === "OPTIONS") return new Response(null, { headers: { allow: "POST" } });
    if (request.headers.get(SESSION_HEADER) !== id) return conflict(id);
    if (request.method !== "POST") return page(405, "405: Method Not Allowed");
    return json(await this.#answer(await request.text(), who));
  }

  /** Null for no answer. */
  async #answer(text: string, who: Pick<Caller, "may">): Promise<string | null> {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return nothing("no method name");
    }
    const run: RunMethod = (name, args, jsonRpc) => this.#run(name, args, who, jsonRpc);
    const request = asObject(value);
    if (Array.isArray(value) || (request !== undefined && "jsonrpc" in request)) {
      return await jsonRpcAnswer(value, text, run);
    }
    return request === undefined
      ? nothing("no method name")
      : await legacyAnswer(request, text, run);
  }

  async #run(
    name: string,
    args: Arguments,
    who: Pick<Caller, "may">,
    jsonRpc: boolean,
  ): Promise<object | JsonText> {
    const method = METHODS.get(name);
    if (method === undefined) throw new RpcError("method", "no method name");
    if (!mayDo(who, method.needs)) {
      throw new RpcError(
        "params",
        `the token does not allow ${name}: it allows "${who.may}" alone`,
      );
    }
    const general: GeneralFacts = { ...this.#ports.general(), jsonRpc };
    try {
      return await method.run(this.#ports, args, general, who);
    } catch (error) {
      throw error instanceof RpcError ? error : new RpcError("params", (error as Error).message);
    }
  }
}

/** Rejects with an RpcError. */
export type RunMethod = (
  name: string,
  args: Arguments,
  jsonRpc: boolean,
) => Promise<object | JsonText>;

async function legacyAnswer(request: Arguments, text: string, run: RunMethod): Promise<string> {
  const { method, tag } = request;
  const ending = Number.isInteger(tag) ? `,"tag":${numberText(text, "tag", tag as number)}` : "";
  try {
    const name = typeof method === "string" ? method : "";
    const result = await run(name, asObject(request.arguments) ?? {}, false);
    const told = result instanceof JsonText ? result.text : JSON.stringify(result);
    return `{"arguments":${told},"result":"success"${ending}}`;
  } catch (error) {
    const { message, values } = error as RpcError;
    return `{"arguments":${JSON.stringify(values)},"result":${JSON.stringify(message)}${ending}}`;
  }
}

function nothing(result: string): string {
  return JSON.stringify({ arguments: {}, result });
}

function json(body: string | null): Response {
  if (body === null) return new Response(null, { status: 204 });
  return new Response(body, { headers: { "content-type": "application/json; charset=UTF-8" } });
}

function page(status: number, title: string): Response {
  return html(status, `<h1>${title}</h1>`);
}

/** Some clients read the id from the body. */
function conflict(id: string): Response {
  const body = "<h1>409: Conflict</h1><p>Your request had an invalid session-id header.</p>" +
    "<p>Send it again with this header:</p>" +
    `<p><code>X-Transmission-Session-Id: ${id}</code></p>`;
  return html(409, body, {
    "X-Transmission-Session-Id": id,
    "X-Transmission-Rpc-Version": "6.0.1",
  });
}

function html(status: number, body: string, headers: Record<string, string> = {}): Response {
  return new Response(body, {
    status,
    headers: { "content-type": "text/html; charset=UTF-8", ...headers },
  });
}
