/**
 * Where metrics are pushed by OpenTelemetry, from its standard environment variables (OTEL_*): those
 * for metrics alone win over the general ones.
 */
import { VERSION } from "../../wire/peer_id.ts";
import type { OtlpSetting } from "../options.ts";
import type { Labels } from "./metric_types.ts";

export interface OtlpSettings {
  /** Null for one that is no URL, which is among the problems. */
  readonly url: string | null;
  readonly headers: Readonly<Record<string, string>>;
  /** Attributes of the sender. */
  readonly resource: Labels;
  readonly everyMs: number;
  readonly timeoutMs: number;
  /** Variables that were not understood, in words. */
  readonly problems: readonly string[];
}

const EVERY_MS = 60_000, TIMEOUT_MS = 10_000;
/** Of a timer. */
const MAX_MS = 24 * 3600 * 1000;

type Env = (name: string) => string | undefined;

/** `set`: of the configuration; the variables win. Null where nothing is pushed. */
export function otlpSettings(env: Env, set?: OtlpSetting): OtlpSettings | null {
  const isOff = env("OTEL_SDK_DISABLED")?.toLowerCase() === "true" ||
    env("OTEL_METRICS_EXPORTER")?.trim() === "none";
  const problems: string[] = [], asked = isOff ? "" : endpointOf(env, set?.endpoint ?? "");
  if (asked === "") return null;
  const protocol = special(env, "PROTOCOL");
  if (protocol !== undefined && protocol !== "http/json") {
    problems.push(`OTEL_EXPORTER_OTLP_PROTOCOL is "${protocol}": shoal sends http/json`);
  }
  const everyMs = Math.min(MAX_MS, Math.max(1000, (set?.every ?? 0) * 1000 || EVERY_MS));
  const own = "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT";
  const timeout = env(own) ? own : "OTEL_EXPORTER_OTLP_TIMEOUT";
  const named = pairsOf(env, "OTEL_RESOURCE_ATTRIBUTES", problems);
  const name = env("OTEL_SERVICE_NAME") || named["service.name"] || "shoal";
  return {
    url: urlOf(asked, problems),
    headers: {
      ...headersOf(env, "OTEL_EXPORTER_OTLP_HEADERS", problems),
      ...headersOf(env, "OTEL_EXPORTER_OTLP_METRICS_HEADERS", problems),
    },
    resource: { "service.version": VERSION, ...named, "service.name": name },
    everyMs: msOf(env, "OTEL_METRIC_EXPORT_INTERVAL", everyMs, problems),
    timeoutMs: msOf(env, timeout, TIMEOUT_MS, problems),
    problems,
  };
}

/** Empty counts as not set, as in the specification. */
function special(env: Env, name: string): string | undefined {
  return env(`OTEL_EXPORTER_OTLP_METRICS_${name}`) || env(`OTEL_EXPORTER_OTLP_${name}`) ||
    undefined;
}

/** The endpoint for metrics is used as it is; "/v1/metrics" is added to the general one. */
function endpointOf(env: Env, endpoint: string): string {
  const exact = env("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT");
  const base = env("OTEL_EXPORTER_OTLP_ENDPOINT") || endpoint;
  return exact || (base && `${base.replace(/\/+$/, "")}/v1/metrics`);
}

function urlOf(text: string, problems: string[]): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && /^https?:$/.test(url.protocol)) return url.href;
  problems.push("The OTLP endpoint is not an http or https URL: no metrics are pushed");
  return null;
}

function headersOf(env: Env, variable: string, problems: string[]): Record<string, string> {
  const pairs = Object.entries(pairsOf(env, variable, problems));
  return Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), value]));
}

/** "key=value,key2=value2", percent-encoded. */
function pairsOf(env: Env, variable: string, problems: string[]): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const part of (env(variable) ?? "").split(",").filter((part) => part.trim() !== "")) {
    const at = part.indexOf("=");
    try {
      if (at < 1) throw new Error("no name");
      pairs[decodeURIComponent(part.slice(0, at).trim())] = decodeURIComponent(
        part.slice(at + 1).trim(),
      );
    } catch {
      // The part may be a password, so it is not shown.
      problems.push(`${variable} has a part that is not name=value: it is left out`);
    }
  }
  return pairs;
}

function msOf(env: Env, variable: string, preset: number, problems: string[]): number {
  const text = env(variable);
  if (!text) return preset;
  const ms = Number(text);
  if (Number.isInteger(ms) && ms > 0 && ms <= MAX_MS) return ms;
  problems.push(`${variable} is "${text}": a number of milliseconds is expected`);
  return preset;
}
