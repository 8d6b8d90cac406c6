/** A real Prometheus, Debian's, scrapes the daemon, and answers the queries of our dashboard. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { needs } from "./needs.ts";
import { freePort } from "./ports.ts";
import { startRpcDaemon } from "./rpc_daemon.ts";
import { Scene } from "./scene.ts";
import { dashboardQueries } from "../../scripts/lib/dashboard.ts";
import { until } from "./until.ts";

const scene = new Scene();
after(() => scene.close());

interface Answer {
  status: string;
  error?: string;
  data?: { result: { metric: Record<string, string>; value: [number, string] }[] };
}

describe("Prometheus", { skip: needs("prometheus") }, () => {
  it("scrapes the daemon, and every query of the dashboard", { timeout: 90_000 }, async () => {
    const { port } = await startRpcDaemon(scene), own = await freePort(), dir = scene.folder();
    writeFileSync(
      join(dir, "prometheus.yml"),
      `global: {scrape_interval: 1s}
scrape_configs: [{job_name: shoal, static_configs: [{targets: ["127.0.0.1:${port}"]}]}]
`,
    );
    scene.start([
      "prometheus",
      `--config.file=${join(dir, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(dir, "data")}`,
      `--web.listen-address=127.0.0.1:${own}`,
    ], { ignoresInput: true });
    const query = async (expression: string): Promise<Answer> => {
      const parameters = new URLSearchParams({ query: expression });
      const answer = await fetch(`http://127.0.0.1:${own}/api/v1/query?${parameters}`);
      return await answer.json();
    };
    const value = async (expression: string): Promise<number> => {
      try {
        return Number((await query(expression)).data?.result[0]?.value[1] ?? NaN);
      } catch {
        return NaN; // it does not listen yet
      }
    };
    await until("five scrapes worked", async () => {
      return await value('sum_over_time(up{job="shoal"}[1m])') >= 5;
    });
    assert.equal(await value('min_over_time(up{job="shoal"}[1m])'), 1, "no scrape failed");
    assert.equal(await value("count(shoal_build_info)"), 1);
    const all = dashboardQueries("5s");
    assert.ok(all.length >= 20, `${all.length} queries`);
    for (const { title, query: expression } of all) {
      const { status, error } = await query(expression);
      assert.equal(status, "success", `${title}: ${error}`);
    }
    assert.ok(await value("process_resident_memory_bytes") > 1e6);
  });
});
