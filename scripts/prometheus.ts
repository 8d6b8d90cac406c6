/**
 * Has a real Prometheus scrape a running daemon for a minute, then asks it every query of the
 * dashboard. Prometheus is found in PATH, or named by PROMETHEUS.
 *
 *     deno run -A scripts/prometheus.ts 127.0.0.1:9091
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { dashboardQueries } from "./lib/dashboard.ts";

const PORT = 19_090, SECONDS = 60;

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data?: { readonly result: readonly { readonly value: readonly [number, string] }[] };
}

async function ask(query: string): Promise<Answer> {
  const url = `http://127.0.0.1:${PORT}/api/v1/query?query=${encodeURIComponent(query)}`;
  return await (await fetch(url)).json() as Answer;
}

const target = process.argv[2];
if (target === undefined) throw new Error("Name the daemon as HOST:PORT");
const dir = mkdtempSync(join(tmpdir(), "shoal-prometheus-"));
const config = {
  global: { scrape_interval: "2s" },
  scrape_configs: [{ job_name: "shoal", static_configs: [{ targets: [target] }] }],
};
writeFileSync(join(dir, "prometheus.yml"), JSON.stringify(config)); // JSON is YAML, too
const prometheus = spawn(process.env.PROMETHEUS ?? "prometheus", [
  `--config.file=${join(dir, "prometheus.yml")}`,
  `--storage.tsdb.path=${join(dir, "data")}`,
  `--web.listen-address=127.0.0.1:${PORT}`,
], { stdio: "ignore" });
try {
  await sleep(SECONDS * 1000);
  const scrapes = (await ask("count_over_time(up[1m])")).data?.result[0]?.value[1];
  const good = (await ask("sum_over_time(up[1m])")).data?.result[0]?.value[1];
  console.log(`${good} of ${scrapes} scrapes succeeded`);
  let bad = good === undefined || good !== scrapes ? 1 : 0;
  for (const { title, query } of dashboardQueries("30s")) {
    const { status, error, data } = await ask(query);
    if (status !== "success") bad++;
    console.log(
      `${status === "success" ? data?.result.length + " series" : error}  ${title}: ${query}`,
    );
  }
  process.exitCode = bad === 0 ? 0 : 1;
} finally {
  prometheus.kill();
  await new Promise((resolve) => prometheus.once("exit", resolve));
  rmSync(dir, { recursive: true });
}
