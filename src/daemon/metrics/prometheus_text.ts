/** The text format of Prometheus, version 0.0.4. */
import type { HistogramValue, Labels, ReadFamily, Sample } from "./metric_types.ts";

export const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Empty for a family without samples. */
export function prometheusText(family: ReadFamily): string {
  if (family.samples.length === 0) return "";
  return headLines(family) + linesOf(family.name, family.samples);
}

export function headLines({ name, help, type }: Omit<ReadFamily, "samples">): string {
  return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`;
}

export function linesOf(name: string, samples: readonly Sample[]): string {
  return samples.map((sample) => sampleLines(name, sample)).join("");
}

function sampleLines(name: string, { labels = {}, value }: Sample): string {
  if (typeof value === "number") return line(name, labels, value);
  return histogramLines(name, labels, value);
}

function histogramLines(name: string, labels: Labels, value: HistogramValue): string {
  const { bounds, counts, sum } = value;
  let below = 0;
  const buckets = counts.map((count, bucket) => {
    below += count;
    const le = bucket < bounds.length ? numberText(bounds[bucket]!) : "+Inf";
    return line(`${name}_bucket`, { ...labels, le }, below);
  });
  return buckets.join("") + line(`${name}_sum`, labels, sum) + line(`${name}_count`, labels, below);
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
  const braces = pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
  return `${name}${braces} ${numberText(value)}\n`;
}

function numberText(value: number): string {
  if (value === Infinity) return "+Inf";
  return value === -Infinity ? "-Inf" : String(value);
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

/** A lone surrogate cannot be in UTF-8: it becomes U+FFFD. */
function escapeLabel(text: string): string {
  if (!/[\\"\n\ud800-\udfff]/.test(text)) return text; // nearly always
  return escapeHelp(text.toWellFormed()).replaceAll('"', '\\"');
}
