/**
 * `npm run bench -- page`: what the page costs a browser. Chromium shows lists of made-up torrents, a
 * fifth of which change every second, by the daemon's own code for events and files.
 *
 *   --torrents N,...  default 1000,10000
 *   --seconds N       of each list, default 10
 *   --loads N         of the first paint, default 7
 *   --json            the figures as JSON
 */
import { parseArgs } from "node:util";
import type { CDPSession } from "playwright-core";
import { openPage, startBrowser } from "../../tests/harness/browser.ts";
import { rowWith } from "../../tests/web/rows.ts";
import { Live } from "../../src/daemon/api/live.ts";
import { Page } from "../../src/daemon/page/page.ts";
import { selectPlatform } from "../../src/platform/select.ts";
import type { Torrent } from "../../src/torrent/torrent.ts";
import { positive, progress } from "./common.ts";

/** Goals: first paint and script in ms, and bytes on the way to the first look. */
const MOST_PAINT = 500, MOST_BYTES = 40_000;
const MOST_SCRIPT: Readonly<Record<number, number>> = { 1000: 20, 10_000: 40 };

interface Figures {
  readonly torrents: number;
  readonly bytes: number;
  /** Median of the loads. */
  readonly paintMs: number;
  /** Of each second: script, layout with styles, and all of the tab's main thread. */
  readonly scriptMs: number;
  readonly layoutMs: number;
  readonly taskMs: number;
  readonly nodes: number;
  readonly heapMb: number;
}

/** Torrents, of which a fifth change every second. */
class MadeUp {
  readonly port = 6881;
  readonly #torrents: Torrent[];
  #tick = 0;

  constructor(count: number) {
    this.#torrents = Array.from({ length: count }, (_, index) => this.#made(index));
  }

  torrents = (): Torrent[] => this.#torrents;

  turn(): void {
    this.#tick++;
  }

  #made(index: number): Torrent {
    const infoHash = index.toString(16).padStart(40, "0");
    const isBusy = index % 5 === 0;
    const row = rowWith({ labels: [`label ${index % 7}`], connected: 8, known: 40, seeds: 2 });
    const status = () => {
      const step = isBusy ? this.#tick : 0, have = (index * 7919 + step * 1e5) % 1e9;
      return {
        ...row,
        infoHash,
        name: `Some torrent of the bench, number ${index}`,
        state: isBusy ? "downloading" : "seeding",
        wanted: 1e9,
        size: 1e9,
        have,
        left: 1e9 - have,
        downRate: isBusy ? 1e6 + (index * 31 + step * 97) % 1e6 : 0,
        totals: { downloaded: have, uploaded: index * 1e5 + step * 1e4 },
        peers: { connected: 8, connecting: 0, known: 40, banned: 0 },
        queue: { position: index },
        etaSeconds: isBusy ? 1000 - step % 900 : null,
        error: null,
      };
    };
    const trackers = () => [{ url: "http://tracker.example/announce", state: "working" }];
    return {
      infoHash,
      status,
      trackers,
      get stillness() {
        return isBusy ? null : 1;
      },
    } as unknown as Torrent;
  }
}

async function serve(client: MadeUp) {
  const platform = selectPlatform();
  const live = new Live({ clock: platform.clock, random: platform.random, client });
  const page = new Page({ hasher: platform.hasher });
  const turns = setInterval(() => client.turn(), 1000);
  const server = await platform.http.serve({ address: "127.0.0.1", port: 0 }, (request) => {
    const { pathname } = new URL(request.url);
    return pathname === "/api/v1/events" ? live.answer(request) : page.answer(request);
  });
  const close = async () => {
    clearInterval(turns);
    live.close();
    await server.close();
  };
  return { url: `http://127.0.0.1:${server.port}/`, close };
}

async function measure(torrents: number, seconds: number, loads: number): Promise<Figures> {
  const server = await serve(new MadeUp(torrents)), browser = await startBrowser();
  try {
    const { page, context } = await openPage(browser, { viewport: { width: 1280, height: 800 } });
    const devtools = await context.newCDPSession(page);
    const paints: number[] = [];
    let bytes = 0;
    await devtools.send("Network.enable");
    await devtools.send("Network.setCacheDisabled", { cacheDisabled: true });
    devtools.on("Network.loadingFinished", (event) => bytes += event.encodedDataLength);
    for (let i = 0; i < loads; i++) {
      bytes = 0;
      await page.goto(server.url);
      await page.locator(".rows .row").first().waitFor();
      paints.push(
        await page.evaluate(
          'performance.getEntriesByName("first-contentful-paint")[0].startTime',
        ) as number,
      );
    }
    await page.waitForTimeout(3000);
    const before = await metricsOf(devtools);
    await page.waitForTimeout(seconds * 1000);
    const after = await metricsOf(devtools);
    const aSecond = (...names: string[]) =>
      names.reduce((sum, name) => sum + after[name]! - before[name]!, 0) * 1000 / seconds;
    return {
      torrents,
      bytes,
      paintMs: paints.toSorted((a, b) => a - b)[Math.floor(loads / 2)]!,
      scriptMs: aSecond("ScriptDuration"),
      layoutMs: aSecond("LayoutDuration", "RecalcStyleDuration"),
      taskMs: aSecond("TaskDuration"),
      nodes: after["Nodes"]!,
      heapMb: after["JSHeapUsedSize"]! / 1e6,
    };
  } finally {
    await browser.close();
    await server.close();
  }
}

async function metricsOf(devtools: CDPSession): Promise<Record<string, number>> {
  await devtools.send("Performance.enable");
  const { metrics } = await devtools.send("Performance.getMetrics");
  return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
}

function lineOf(figures: Figures): string {
  const { torrents, bytes, paintMs, scriptMs, layoutMs, taskMs, nodes, heapMb } = figures;
  const most = MOST_SCRIPT[torrents];
  const verdict = (is: number, most: number | undefined) =>
    most === undefined ? "" : is <= most ? " (goal met)" : ` (over the goal of ${most})`;
  return [
    `${torrents} torrents:`,
    `first look ${bytes} bytes${verdict(bytes, MOST_BYTES)},`,
    `first paint ${paintMs.toFixed(0)} ms${verdict(paintMs, MOST_PAINT)};`,
    `a second: script ${scriptMs.toFixed(1)} ms${verdict(scriptMs, most)},`,
    `layout ${layoutMs.toFixed(1)} ms, main thread ${taskMs.toFixed(0)} ms;`,
    `${nodes} nodes, heap ${heapMb.toFixed(0)} MB`,
  ].join(" ");
}

function isGood({ torrents, bytes, paintMs, scriptMs }: Figures): boolean {
  const most = MOST_SCRIPT[torrents] ?? Infinity;
  return bytes <= MOST_BYTES && paintMs <= MOST_PAINT && scriptMs <= most;
}

/** 1 if a goal is missed. */
export async function pageBench(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      torrents: { type: "string", default: "1000,10000" },
      seconds: { type: "string", default: "10" },
      loads: { type: "string", default: "7" },
      json: { type: "boolean", default: false },
    },
  });
  const seconds = positive(values.seconds, "--seconds"), loads = positive(values.loads, "--loads");
  let code = 0;
  for (const torrents of values.torrents.split(",").map((each) => positive(each, "--torrents"))) {
    progress(`${torrents} torrents`);
    const figures = await measure(torrents, seconds, loads);
    if (!isGood(figures)) code = 1;
    console.log(values.json ? JSON.stringify(figures) : lineOf(figures));
  }
  return code;
}
