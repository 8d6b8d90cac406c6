/** What a family of metrics is made of; the two renderers turn it into text or JSON. */

export type Labels = Readonly<Record<string, string>>;

/** Values up to each bound, one more number for larger values, and the sum of all values. */
export interface HistogramValue {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly sum: number;
}

export interface Sample<Value = number | HistogramValue> {
  readonly labels?: Labels;
  readonly value: Value;
}

/** As in UCUM, which OpenTelemetry uses: bytes, bytes a second, seconds, a number. */
export type Unit = "By" | "By/s" | "s" | "1";

/** A family of which every sample is a number or, for type "histogram", a histogram. */
export interface Family<From> {
  /** As in Prometheus: base units in the name, "_total" at the end of a counter. */
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly unit: Unit;
  read(from: From): readonly Sample[];
}

/** A family with its present values. */
export type ReadFamily = Omit<Family<never>, "read"> & { readonly samples: readonly Sample[] };

export function readAll<From>(families: readonly Family<From>[], from: From): ReadFamily[] {
  return families.map((family) => ({ ...family, samples: family.read(from) }));
}
