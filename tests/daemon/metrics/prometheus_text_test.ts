import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { prometheusText } from "../../../src/daemon/metrics/prometheus_text.ts";
import { checkPrometheus } from "./prometheus_rules.ts";

const HEAD = { name: "a_thing", help: "A thing.", type: "gauge", unit: "1" } as const;

describe("the text format of Prometheus", () => {
  it("escapes labels and help, and keeps each sample on its line", () => {
    const text = prometheusText({
      ...HEAD,
      help: "A \\ and\na line",
      samples: [{ labels: { name: 'a "b" \\ c\nd', lone: "\ud800x" }, value: 1.5 }],
    });
    assert.equal(
      text,
      "# HELP a_thing A \\\\ and\\na line\n# TYPE a_thing gauge\n" +
        'a_thing{name="a \\"b\\" \\\\ c\\nd",lone="\ufffdx"} 1.5\n',
    );
    checkPrometheus(text);
  });

  it("writes a histogram with rising counts and a last bucket for all values", () => {
    const value = { bounds: [0.1, 1], counts: [2, 0, 3], sum: 7.25 };
    const text = prometheusText({ ...HEAD, type: "histogram", samples: [{ value }] });
    assert.deepEqual(text.trim().split("\n").slice(2), [
      'a_thing_bucket{le="0.1"} 2',
      'a_thing_bucket{le="1"} 2',
      'a_thing_bucket{le="+Inf"} 5',
      "a_thing_sum 7.25",
      "a_thing_count 5",
    ]);
  });

  it("leaves a family without samples out", () => {
    assert.equal(prometheusText({ ...HEAD, samples: [] }), "");
  });
});
