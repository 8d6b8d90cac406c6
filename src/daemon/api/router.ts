/** Finds the route of a request, checks what it sent, and makes an answer of what the handler returns. */
import { json, refusal } from "../http/replies.ts";
import { type Caller, mayDo, type Visit } from "../http/types.ts";
import { tooLittle } from "../http/app.ts";
import { type Call, parsed, type Route } from "./route.ts";

interface Found {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

export class Router {
  readonly #base: string;
  readonly #routes: readonly { route: Route; parts: readonly string[] }[];

  /** `base`: "/api/v1". */
  constructor(base: string, routes: readonly Route[]) {
    this.#base = base;
    this.#routes = routes.map((route) => ({ route, parts: route.path.split("/") }));
  }

  async answer(request: Request, who: Caller, visit: Visit): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const found = this.#find(request.method, pathname.slice(this.#base.length));
    if (found instanceof Response) return found;
    const { route, params } = found;
    if (route.needs !== "nothing" && !mayDo(who, route.needs)) return tooLittle();
    const query = parsedQuery(route, searchParams);
    if (query instanceof Response) return query;
    const body = await parsedBody(route, request);
    if (body instanceof Response) return body;
    const call: Call = { params, query: query.value, body: body.value, request, who, visit };
    return replyOf(route, await route.handle(call));
  }

  #find(method: string, path: string): Found | Response {
    const parts = path.split("/"), allowed: string[] = [];
    for (const { route, parts: pattern } of this.#routes) {
      const params = matched(pattern, parts);
      if (params === null) continue;
      if (route.method === method || route.method === "GET" && method === "HEAD") {
        return { route, params };
      }
      allowed.push(route.method);
    }
    if (allowed.length === 0) return refusal(404, "no-such-path", `There is nothing at ${path}`);
    const allow = allowed.join(", ");
    return refusal(405, "wrong-method", `${path} takes ${allow}`, { headers: { allow } });
  }
}

function matched(
  pattern: readonly string[],
  parts: readonly string[],
): Record<string, string> | null {
  if (pattern.length !== parts.length) return null;
  const params: Record<string, string> = {};
  for (const [index, expected] of pattern.entries()) {
    const part = parts[index]!, name = /^\{(\w+)\}$/.exec(expected)?.[1];
    if (name === undefined && part !== expected) return null;
    if (name !== undefined) params[name] = decoded(part);
  }
  return params;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function parsedQuery({ query }: Route, given: URLSearchParams) {
  return query === null ? { value: {} } : parsed(query, Object.fromEntries(given), "query");
}

async function parsedBody({ body, bytes }: Route, request: Request) {
  const [type = ""] = (request.headers.get("content-type") ?? "").split(";");
  if (bytes !== null && type.trim().toLowerCase() === bytes) {
    return { value: new Uint8Array(await request.arrayBuffer()) };
  }
  if (body === null) return { value: undefined };
  try {
    return parsed(body, JSON.parse(await request.text()), "body");
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return refusal(400, "bad-json", `The body is not JSON: ${error.message}`);
  }
}

function replyOf({ status, reply }: Route, value: unknown): Response {
  if (value instanceof Response) return value;
  return reply === null ? new Response(null, { status }) : json(value, status);
}
