import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { Client } from "../../../src/client/client.ts";
import { startHttp } from "../../../src/daemon/http/server.ts";
import { DaemonLog } from "../../../src/daemon/log.ts";
import { FAMILIES } from "../../../src/daemon/metrics/families.ts";
import { FreeSpace } from "../../../src/daemon/metrics/free_space.ts";
import { Metrics } from "../../../src/daemon/metrics/metrics.ts";
import { OtlpPush } from "../../../src/daemon/metrics/otlp_push.ts";
import { otlpSettings } from "../../../src/daemon/metrics/otlp_settings.ts";
import { FileSettings } from "../../../src/daemon/settings.ts";
import { selectPlatform } from "../../../src/platform/select.ts";
import type { Platform } from "../../../src/platform/types.ts";
import type { SimNode } from "../../harness/sim/sim_node.ts";
import { SimWorld } from "../../harness/sim/world.ts";
import { SimSwarm } from "../../harness/sim_swarm.ts";
import { checkPrometheus, type Series } from "./prometheus_rules.ts";

const SIZE = 600_000;
/** Of Debian's package prometheus. */
const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;

function metricsOf(platform: Platform, client: Client): Metrics {
  const folders = () => ["/data", "/nowhere"];
  return new Metrics({ platform, client, folders, perTorrent: () => false });
}

function get(path: string, headers: Record<string, string> = {}): Request {
  return new Request(`http://localhost${path}`, { headers });
}

function valueOf(all: readonly Series[], name: string, labels = ""): number | undefined {
  return all.find((one) => one.name === name && one.labels === labels)?.value;
}

async function finished(
  seed: string,
  work: (swarm: SimSwarm, node: SimNode, client: Client) => Promise<void>,
) {
  const swarm = new SimSwarm(seed);
  await swarm.prepare([SIZE], 65_536);
  await swarm.seed("10.0.0.2");
  const { node, client, torrent } = await swarm.leech("10.0.0.3", {}, {
    seedGoal: { kind: "forever" },
  });
  await swarm.world.wait(torrent.finished);
  await work(swarm, node, client);
  await swarm.close();
}

describe("GET /metrics", () => {
  it("shows what was downloaded in a text that Prometheus reads", async () => {
    await finished("metrics", async ({ world }, node, client) => {
      const metrics = metricsOf(node, client);
      await world.runFor(5000);
      const answer = await world.wait(metrics.serve(get("/metrics")));
      assert.equal(answer.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
      const all = checkPrometheus(await answer.text());
      const down = 'source="tracker",direction="down"';
      assert.equal(valueOf(all, "shoal_payload_bytes_total", down), SIZE);
      assert.equal(valueOf(all, "shoal_torrents", 'state="seeding"'), 1);
      assert.equal(valueOf(all, "shoal_pieces_total", 'event="completed"'), 10);
      assert.equal(valueOf(all, "shoal_event_loop_lag_seconds_count"), 10);
      assert.ok(valueOf(all, "shoal_disk_free_bytes", 'folder="/data"')! > 0);
      assert.ok(valueOf(all, "process_start_time_seconds")! > 1.6e9);
      assert.ok(!all.some(({ name }) => name.startsWith("shoal_torrent_info")));
      metrics.close();
    });
  });

  it("has every family of the table, those of the DHT while it is on", async () => {
    await finished("families", async ({ world }, node, client) => {
      const metrics = metricsOf(node, client);
      const families = async () => {
        const answer = await world.wait(metrics.serve(get("/metrics")));
        return [...(await answer.text()).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!);
      };
      const optional = new Set(["shoal_torrent_failures_total", "shoal_disk_errors_total"]);
      const named = FAMILIES.map(({ name }) => name).filter((name) => !optional.has(name));
      const without = named.filter((name) => !name.startsWith("shoal_dht_"));
      // A simulated machine does not tell how many files may be open.
      const unknown = node.files.openLimit() === null ? "process_max_fds" : "";
      assert.deepEqual(await families(), without.filter((name) => name !== unknown));
      await world.wait(client.update({ dht: { bootstrap: [] } }));
      assert.deepEqual(await families(), named.filter((name) => name !== unknown));
      metrics.close();
    });
  });

  it("has the series of each torrent when asked, and gzip when the client takes it", async () => {
    await finished("series", async ({ world, torrent }, node, client) => {
      const metrics = metricsOf(node, client);
      const gzip = { "accept-encoding": "br;q=1, gzip;q=0.8" };
      const answer = await world.wait(metrics.serve(get("/metrics?torrents=1", gzip)));
      assert.equal(answer.headers.get("content-encoding"), "gzip");
      const all = checkPrometheus(gunzipSync(await answer.bytes()).toString());
      const { infoHash } = client.torrents()[0]!;
      const hash = `info_hash="${infoHash}"`;
      assert.equal(valueOf(all, "shoal_torrent_downloaded_bytes_total", hash), SIZE);
      assert.equal(valueOf(all, "shoal_torrent_completed_ratio", hash), 1);
      const info = `${hash},name="${torrent.name}",state="seeding"`;
      assert.equal(valueOf(all, "shoal_torrent_info", info), 1);
      const plain = { "accept-encoding": "gzip;q=0" };
      assert.equal(
        (await world.wait(metrics.serve(get("/metrics", plain)))).headers.has("content-encoding"),
        false,
      );
      const post = new Request("http://localhost/metrics", { method: "POST" });
      assert.equal((await metrics.serve(post)).status, 405);
      metrics.close();
    });
  });

  it(
    "has nothing that promtool finds fault with",
    { skip: !hasPromtool && "no promtool" },
    async () => {
      await finished("promtool", async ({ world }, node, client) => {
        await world.wait(client.update({ dht: { bootstrap: [] } }));
        const metrics = metricsOf(node, client);
        const answer = await world.wait(metrics.serve(get("/metrics?torrents=1")));
        const input = await answer.text();
        const { status, stderr } = spawnSync("promtool", ["check", "metrics"], { input });
        assert.equal(status, 0, String(stderr));
        metrics.close();
      });
    },
  );

  it("is served by the daemon", async () => {
    const platform = selectPlatform();
    const client = await Client.open(platform, { dht: false, lsd: false });
    const flags = { listen: "127.0.0.1:0", unix: "", logLevel: "error" };
    const given = { environment: {}, flags };
    const settings = await FileSettings.open(platform.files, null, given);
    const log = new DaemonLog(platform, () => settings.present);
    const http = await startHttp({ platform, client, settings, log, stateDir: ".", end: () => {} });
    const url = `http://127.0.0.1:${http.port}/metrics`;
    const answer = await platform.http.request({ url, timeoutMs: 5000, maxBytes: 1_000_000 });
    const all = checkPrometheus(new TextDecoder().decode(answer.body));
    assert.equal(
      valueOf(all, "shoal_build_info", `version="0.1.0",runtime="${platform.name}"`),
      1,
    );
    await http.close();
    await client.close();
  });

  it("waits a second for the free space of a disk that hangs, and asks it once", async () => {
    const world = new SimWorld("hung"), { clock } = world.node("10.0.0.1");
    let asked = 0, answer: (bytes: number) => void = () => {};
    const freeSpace = (): Promise<number> => {
      asked++;
      return new Promise((resolve) => answer = resolve);
    };
    const space = new FreeSpace(clock, { freeSpace }), begun = world.now;
    assert.deepEqual(await world.wait(space.of(["/data"])), new Map());
    assert.equal(world.now - begun, 1000);
    assert.deepEqual(await world.wait(space.of(["/data"])), new Map());
    assert.equal(asked, 1);
    answer(7);
    await world.runFor(1);
    const next = space.of(["/data"]);
    answer(8);
    assert.deepEqual(await world.wait(next), new Map([["/data", 8]]));
  });
});

interface Pushed {
  resourceMetrics: {
    resource: { attributes: { key: string; value: { stringValue: string } }[] };
    scopeMetrics: { metrics: { name: string; sum?: { dataPoints: { asDouble: number }[] } }[] }[];
  }[];
}

describe("OTLP", () => {
  it("pushes all metrics to a collector at each interval, and once at the end", async () => {
    const platform = selectPlatform(), { clock, http } = platform;
    const pushed: Pushed[] = [], seen: string[] = [];
    const { promise: twice, resolve } = Promise.withResolvers<void>();
    const server = await http.serve({ port: 0 }, async (request) => {
      seen.push(`${new URL(request.url).pathname} ${request.headers.get("x-key")}`);
      pushed.push(await request.json() as Pushed);
      if (pushed.length === 2) resolve();
      return Response.json({});
    });
    const client = await Client.open(platform, { dht: false, lsd: false });
    const metrics = metricsOf(platform, client), said: string[] = [];
    const env: Record<string, string> = {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${server.port}`,
      OTEL_EXPORTER_OTLP_HEADERS: "x-key=open",
      OTEL_METRIC_EXPORT_INTERVAL: "10",
    };
    const log = {
      info: (text: string) => said.push(text),
      warn: (text: string) => said.push(text),
    };
    const push = new OtlpPush(otlpSettings((name) => env[name])!, { clock, http, metrics, log });
    await twice;
    const before = pushed.length;
    await push.close();
    assert.ok(pushed.length > before, "a last push");
    assert.deepEqual(said, []);
    assert.equal(seen[0], "/v1/metrics open");
    const [{ resource, scopeMetrics }] = pushed[0]!.resourceMetrics as [
      Pushed["resourceMetrics"][0],
    ];
    assert.deepEqual(resource.attributes.find(({ key }) => key === "service.name")?.value, {
      stringValue: "shoal",
    });
    const names = scopeMetrics[0]!.metrics.map(({ name }) => name);
    const always = FAMILIES.map(({ name }) => name.replace(/_total$/, "")).filter((name) =>
      !/_dht_|_failures|_errors|_free_bytes|_max_fds/.test(name)
    );
    assert.deepEqual(names.filter((name) => always.includes(name)), always);
    metrics.close();
    await client.close();
    await server.close();
  });

  it("tells once that the collector is away, and that it is back", async () => {
    const world = new SimWorld("away"),
      node = world.node("10.0.0.1"),
      there = world.node("10.0.0.2");
    const said: string[] = [], { clock, http } = node;
    const log = {
      info: (text: string) => said.push(text),
      warn: (text: string) => said.push(text),
    };
    const metrics = { startedAt: clock.wallTime(), read: () => Promise.resolve([]) };
    const env: Record<string, string> = {
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://u:secret@10.0.0.2:4318",
    };
    const push = new OtlpPush(otlpSettings((name) => env[name])!, { clock, http, metrics, log });
    await world.runFor(200_000);
    assert.equal(said.length, 1);
    assert.match(said[0]!, /^Metrics do not reach the OTLP collector at 10\.0\.0\.2:4318: /);
    assert.doesNotMatch(said[0]!, /secret/);
    const on = { port: 4318, address: "10.0.0.2" };
    const server = await world.wait(there.http.serve(on, () => Response.json({})));
    await world.runFor(70_000);
    assert.deepEqual(said.slice(1), ["Metrics reach the OTLP collector again"]);
    await world.wait(push.close());
    await world.wait(server.close());
  });
});
