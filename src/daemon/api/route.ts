/** A row of the table of routes: everything about one path and method of the API. */
import * as v from "valibot";
import { refusal } from "../http/replies.ts";
import type { Access, Caller, Visit } from "../http/types.ts";

export type Schema = v.GenericSchema;
export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** What a handler gets of a request; body and query are checked. */
export interface Call<Body = unknown, Query = unknown> {
  /** By the names in the path: "infoHash" of "/torrents/{infoHash}". */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  readonly request: Request;
  readonly who: Caller;
  readonly visit: Visit;
}

export interface Route {
  readonly method: Method;
  /** Below /api/v1: "/torrents/{infoHash}/files". */
  readonly path: string;
  readonly summary: string;
  /** "nothing" also lets in those that are not signed in. */
  readonly needs: "nothing" | Access;
  readonly query: Schema | null;
  /** Of a JSON body. */
  readonly body: Schema | null;
  /** A content type that a body can have in place of JSON; then `body` of the call is bytes. */
  readonly bytes: string | null;
  /** Of a JSON answer; null: 204, without a body. Text: the content type of an answer of another kind. */
  readonly reply: Schema | string | null;
  readonly status: number;
  /** A Response is sent as it is. */
  readonly handle: (call: Call) => unknown;
}

interface Spec<B extends Schema, Q extends Schema> {
  readonly needs: "nothing" | Access;
  readonly query?: Q;
  readonly body?: B;
  readonly bytes?: string;
  readonly reply?: Schema | string;
  readonly status?: number;
  readonly handle: (call: Call<v.InferOutput<B>, v.InferOutput<Q>>) => unknown;
}

/** `what`: "PATCH /torrents/{infoHash}". */
export function route<B extends Schema = Schema, Q extends Schema = Schema>(
  what: string,
  summary: string,
  spec: Spec<B, Q>,
): Route {
  const [method, path] = what.split(" ") as [Method, string];
  const { needs, query = null, body = null, bytes = null, reply = null } = spec;
  const status = spec.status ?? (reply === null ? 204 : 200);
  const handle = spec.handle as Route["handle"];
  return { method, path, summary, needs, query, body, bytes, reply, status, handle };
}

export interface Parsed {
  readonly value: unknown;
}

/** The value, or 400 with the path of what is wrong. */
export function parsed(schema: Schema, value: unknown, what: string): Parsed | Response {
  const result = v.safeParse(schema, value);
  if (result.success) return { value: result.output };
  const [issue] = result.issues;
  const path = v.getDotPath(issue) ?? "";
  const where = path === "" ? `The ${what}` : path;
  return refusal(400, "bad-request", `${where} is not valid: ${issue.message}`, { path });
}
