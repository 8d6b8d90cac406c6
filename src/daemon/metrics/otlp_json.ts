/** Metrics as the JSON of OTLP/HTTP 1.x (ExportMetricsServiceRequest). */
import type { HistogramValue, Labels, ReadFamily, Sample } from "./metric_types.ts";

/** Sums and histograms count from the start of the process. */
const CUMULATIVE = 2;

export interface OtlpTimes {
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** `resource`: attributes of the sender, such as service.name. */
export function otlpJson(
  families: readonly ReadFamily[],
  resource: Labels,
  scope: { name: string; version: string },
  times: OtlpTimes,
): object {
  const metrics = families.filter(({ samples }) => samples.length > 0).map((family) => {
    return metricOf(family, times);
  });
  return {
    resourceMetrics: [{
      resource: { attributes: attributesOf(resource) },
      scopeMetrics: [{ scope, metrics }],
    }],
  };
}

/** A collector adds "_total" itself when it speaks to Prometheus. */
function metricOf({ name, help, type, unit, samples }: ReadFamily, times: OtlpTimes): object {
  const head = { name: name.replace(/_total$/, ""), description: help, unit };
  const dataPoints = samples.map((sample) => pointOf(sample, times));
  if (type === "gauge") return { ...head, gauge: { dataPoints } };
  const data = { aggregationTemporality: CUMULATIVE, dataPoints };
  return type === "counter"
    ? { ...head, sum: { ...data, isMonotonic: true } }
    : { ...head, histogram: data };
}

function pointOf({ labels = {}, value }: Sample, { startedAt, now }: OtlpTimes): object {
  const head = {
    attributes: attributesOf(labels),
    startTimeUnixNano: nanoseconds(startedAt),
    timeUnixNano: nanoseconds(now),
  };
  return typeof value === "number"
    ? { ...head, asDouble: value }
    : { ...head, ...histogramOf(value) };
}

/** 64-bit integers are text in this JSON. */
function histogramOf({ bounds, counts, sum }: HistogramValue): object {
  return {
    count: String(counts.reduce((all, count) => all + count, 0)),
    sum,
    bucketCounts: counts.map(String),
    explicitBounds: bounds,
  };
}

function attributesOf(labels: Labels): object[] {
  return Object.entries(labels).map(([key, value]) => ({ key, value: { stringValue: value } }));
}

function nanoseconds(ms: number): string {
  return `${Math.floor(ms)}000000`;
}
