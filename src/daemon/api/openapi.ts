/** The description of the API (OpenAPI 3.1), made of the table of routes. */
import { toJsonSchema } from "@valibot/to-json-schema";
import { VERSION } from "../../wire/peer_id.ts";
import type { Route, Schema } from "./route.ts";
import { ERROR } from "./schemas.ts";

const MAY = { nothing: "Needs no sign-in.", read: "", add: "Needs add.", all: "Needs all." };

export function openApiOf(base: string, routes: readonly Route[]): unknown {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    (paths[base + route.path] ??= {})[route.method.toLowerCase()] = operationOf(route);
  }
  return {
    openapi: "3.1.0",
    info: { title: "shoal", version: VERSION },
    security: [{ token: [] }, { password: [] }, {}],
    paths,
    components: {
      securitySchemes: {
        token: { type: "http", scheme: "bearer" },
        password: { type: "http", scheme: "basic" },
      },
      schemas: { Error: schemaOf(ERROR) },
    },
  };
}

function operationOf(route: Route) {
  const { method, path, summary, needs, query, status } = route;
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  const inPath = names.map((name) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  const body = bodyOf(route);
  return {
    operationId: `${method.toLowerCase()}${path.replaceAll(/[{}]/g, "").replaceAll("/", "_")}`,
    summary,
    ...(MAY[needs] === "" ? {} : { description: MAY[needs] }),
    parameters: [...inPath, ...query === null ? [] : inQuery(query)],
    ...(body === null ? {} : { requestBody: { required: true, content: body } }),
    responses: {
      [status]: { description: summary, ...replyOf(route) },
      default: {
        description: "What went wrong",
        content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
      },
    },
  };
}

function inQuery(query: Schema) {
  const { properties = {}, required = [] } = schemaOf(query);
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: "query",
    required: required.includes(name),
    schema,
  }));
}

function bodyOf({ body, bytes }: Route) {
  if (body === null) return null;
  const json = { "application/json": { schema: schemaOf(body) } };
  return bytes === null ? json : { ...json, [bytes]: {} };
}

function replyOf({ reply }: Route) {
  if (reply === null) return {};
  if (typeof reply === "string") return { content: { [reply]: {} } };
  return { content: { "application/json": { schema: schemaOf(reply) } } };
}

/** Checks that JSON Schema cannot express are left out. */
function schemaOf(schema: Schema) {
  const { $schema: _, ...others } = toJsonSchema(schema, { errorMode: "ignore" });
  return others;
}
