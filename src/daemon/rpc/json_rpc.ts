/** JSON-RPC 2.0, the dialect of Transmission 4.1: the same methods with names in snake case. */
import { type Arguments, asObject } from "./coerce.ts";
import { ARGUMENTS, JsonText, METHODS } from "./methods.ts";
import { legacyNames, snaked } from "./names.ts";
import { numberText } from "./number_text.ts";
import type { RunMethod } from "./rpc.ts";
import { JSON_RPC_CODES, RpcError, type RpcErrorCode } from "./rpc_error.ts";

/** The most requests of a batch. */
const MAX_BATCH = 100;

const METHOD_NAMES = legacyNames(METHODS.keys());
const ARGUMENT_NAMES = legacyNames(ARGUMENTS);

/** Null for notifications alone, which have no answer. */
export async function jsonRpcAnswer(
  value: unknown,
  text: string,
  run: RunMethod,
): Promise<string | null> {
  if (!Array.isArray(value)) return await oneAnswer(value, text, run);
  if (value.length === 0 || value.length > MAX_BATCH) {
    return failure("null", new RpcError("request", ""));
  }
  const answers: string[] = [];
  for (const each of value) {
    const answer = await oneAnswer(each, text, run);
    if (answer !== null) answers.push(answer);
  }
  return answers.length === 0 ? null : `[${answers.join()}]`;
}

async function oneAnswer(value: unknown, text: string, run: RunMethod): Promise<string | null> {
  const request = asObject(value), id = idText(request?.id, text);
  if (request?.jsonrpc !== "2.0" || typeof request.method !== "string" || id === undefined) {
    return failure(id ?? "null", new RpcError("request", ""));
  }
  const isNotification = !("id" in request), name = METHOD_NAMES.get(request.method);
  if (isNotification && (name === undefined || METHODS.get(name)!.needs === "read")) return null;
  try {
    const result = await run(name ?? "", argumentsOf(request.params), true);
    if (isNotification) return null;
    const told = result instanceof JsonText ? result.text : JSON.stringify(shown(result));
    return `{"id":${id},"jsonrpc":"2.0","result":${told}}`;
  } catch (error) {
    return isNotification ? null : failure(id, error as RpcError);
  }
}

/** Undefined for what no id may be. */
function idText(id: unknown, text: string): string | undefined {
  if (typeof id === "number") {
    return Number.isInteger(id) ? numberText(text, "id", id) : JSON.stringify(id);
  }
  return id === undefined || id === null || typeof id === "string"
    ? JSON.stringify(id ?? null)
    : undefined;
}

/** With the names of the tables. */
function argumentsOf(params: unknown): Arguments {
  return Object.fromEntries(
    Object.entries(asObject(params) ?? {}).map(([name, value]) => {
      return [ARGUMENT_NAMES.get(name) ?? name, value];
    }),
  );
}

function shown(result: object): unknown {
  const value = snaked(result) as Record<string, unknown>;
  return value.encryption === "tolerated" ? { ...value, encryption: "allowed" } : value;
}

function failure(id: string, { code, message, values }: RpcError): string {
  const [number, text] = JSON_RPC_CODES[code as RpcErrorCode];
  const data = {
    ...(message === "" || message === text ? {} : { error_string: message }),
    ...(Object.keys(values).length === 0 ? {} : { result: snaked(values) }),
  };
  const shownData = Object.keys(data).length === 0 ? {} : { data };
  const error = JSON.stringify({ code: number, message: text, ...shownData });
  return `{"error":${error},"id":${id},"jsonrpc":"2.0"}`;
}
