import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { otlpSettings } from "../../../src/daemon/metrics/otlp_settings.ts";

function settingsOf(env: Record<string, string>, endpoint?: string, every?: number) {
  return otlpSettings(
    (name) => env[name],
    endpoint === undefined ? undefined : { endpoint, ...(every === undefined ? {} : { every }) },
  );
}

describe("the OTEL variables", () => {
  it("push nothing without an endpoint, when disabled, and without an exporter", () => {
    assert.equal(settingsOf({}), null);
    const on = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" };
    assert.equal(settingsOf({ ...on, OTEL_SDK_DISABLED: "TRUE" }), null);
    assert.equal(settingsOf({ ...on, OTEL_METRICS_EXPORTER: "none" }), null);
  });

  it("give the URL, headers, resource, interval and time limit", () => {
    assert.deepEqual(
      settingsOf({
        OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/base/",
        OTEL_EXPORTER_OTLP_HEADERS: "Authorization=Basic%20YTpi, x-a=1",
        OTEL_EXPORTER_OTLP_METRICS_HEADERS: "x-a=2",
        OTEL_RESOURCE_ATTRIBUTES: "host.name=box,service.name=other",
        OTEL_SERVICE_NAME: "torrents",
        OTEL_METRIC_EXPORT_INTERVAL: "5000",
        OTEL_EXPORTER_OTLP_TIMEOUT: "700",
      }),
      {
        url: "http://collector:4318/base/v1/metrics",
        headers: { authorization: "Basic YTpi", "x-a": "2" },
        resource: { "service.version": "0.1.0", "host.name": "box", "service.name": "torrents" },
        everyMs: 5000,
        timeoutMs: 700,
        problems: [],
      },
    );
  });

  it("use the endpoint for metrics as it is, before the general and the configured one", () => {
    const OTEL_EXPORTER_OTLP_METRICS_ENDPOINT = "https://one/exact";
    const OTEL_EXPORTER_OTLP_ENDPOINT = "http://two";
    const all = { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT, OTEL_EXPORTER_OTLP_ENDPOINT };
    assert.equal(settingsOf(all, "http://three")?.url, "https://one/exact");
    assert.equal(
      settingsOf({ OTEL_EXPORTER_OTLP_ENDPOINT }, "http://three")?.url,
      "http://two/v1/metrics",
    );
    assert.equal(settingsOf({}, "http://three")?.url, "http://three/v1/metrics");
    assert.equal(settingsOf({}, "http://three", 15)?.everyMs, 15_000);
  });

  it("report what they cannot use, without showing a password", () => {
    const { problems, everyMs, headers } = settingsOf({
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector",
      OTEL_EXPORTER_OTLP_HEADERS: "secret,x=%E0%A4%A,ok=1",
      OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
      OTEL_METRIC_EXPORT_INTERVAL: "soon",
    })!;
    assert.deepEqual(headers, { ok: "1" });
    assert.equal(everyMs, 60_000);
    assert.equal(problems.length, 4);
    assert.match(problems.join("\n"), /"grpc".*http\/json/);
    assert.doesNotMatch(problems.join("\n"), /secret/);
    const wrong = settingsOf({ OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318" })!;
    assert.equal(wrong.url, null);
    assert.match(wrong.problems[0]!, /not an http or https URL/);
  });
});
