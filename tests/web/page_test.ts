/** The page in a real browser, on a real daemon of the runtime that runs this test. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { needsBrowser, openPage, startBrowser, type WatchedPage } from "../harness/browser.ts";
import { Scene } from "../interop/scene.ts";
import { until } from "../interop/until.ts";
import { button, dialog, rowOf } from "./screens.ts";
import { type MadeTorrent, makeTorrent, WebDaemon } from "./web_daemon.ts";

const skip = needsBrowser();
const scene = new Scene();
let browser: Browser, daemon: WebDaemon, watched: WatchedPage, page: Page;

before(async () => {
  if (skip) return;
  [browser, daemon] = await Promise.all([startBrowser(), WebDaemon.start(scene)]);
  watched = await openPage(browser, { viewport: { width: 1280, height: 800 } });
  page = watched.page;
  await page.goto(daemon.url);
  await button(page, "Add").waitFor();
});
after(async () => {
  await browser?.close();
  await scene.close();
});

const magnetOf = (digit: string, name: string) =>
  `magnet:?xt=urn:btih:${digit.repeat(40)}&dn=${encodeURIComponent(name)}`;

async function optionsOf({ infoHash }: MadeTorrent) {
  return (await daemon.ask(`GET /torrents/${infoHash}`)).options;
}

/** A torrent whose data is complete. */
async function complete(name: string): Promise<MadeTorrent> {
  const made = makeTorrent(name, [{ path: "a.bin", size: 40_000 }, { path: "b.bin", size: 9000 }]);
  made.write(daemon.data);
  await daemon.add(made);
  await rowOf(page, name).filter({ hasText: "100%" }).waitFor();
  return made;
}

describe("the page", { skip }, () => {
  it("adds a magnet link, and says why it does not download", async () => {
    await button(page, "Add").click();
    await dialog(page).getByLabel("Magnet links").fill(magnetOf("a", "Film one"));
    await dialog(page).getByLabel("Label").fill("films");
    await dialog(page).getByRole("button", { name: "Add", exact: true }).click();
    await rowOf(page, "Film one").filter({ hasText: "No peers found yet" }).waitFor();
    const { torrents } = await daemon.ask("GET /torrents");
    assert.deepEqual(torrents["a".repeat(40)].labels, ["films"]);
    await page.getByRole("navigation").getByText("films").waitFor();
  });

  it("adds a .torrent file whose files are chosen first", async () => {
    const made = makeTorrent("Series", [{ path: "one/1.mkv", size: 20_000 }, {
      path: "one/2.mkv",
      size: 20_000,
    }, { path: "readme.txt", size: 100 }]);
    await button(page, "Add").click();
    await dialog(page).locator("input[type=file]").setInputFiles({
      name: "series.torrent",
      mimeType: "application/x-bittorrent",
      buffer: Buffer.from(made.bytes),
    });
    await dialog(page).getByLabel("Choose files before the download").check();
    await dialog(page).getByRole("button", { name: "Add", exact: true }).click();
    const skipped = page.getByLabel("Download this: 2.mkv");
    await skipped.waitFor();
    await skipped.click();
    const prioritiesAre = async (expected: number[]) => {
      const { files } = await daemon.ask(`GET /torrents/${made.infoHash}/files`);
      return files.map(({ priority }: { priority: number }) => priority).join() === expected.join();
    };
    await until("the file is skipped", () => prioritiesAre([4, 0, 4]));
    await page.getByLabel("Priority: 1.mkv").selectOption("High");
    await until("the file comes first", () => prioritiesAre([7, 0, 4]));
    assert.equal((await daemon.ask(`GET /torrents/${made.infoHash}`)).state, "paused");
    await button(page, "Start").click();
    await rowOf(page, "Series").filter({ hasText: "No peers found yet" }).waitFor();
    await button(page, "Stop").click();
    await rowOf(page, "Series").filter({ hasText: "Stopped" }).waitFor();
  });

  it("sets limits, a seed goal and labels", async () => {
    const made = await complete("Limited");
    await rowOf(page, "Limited").click();
    await page.getByRole("tab", { name: "Limits" }).click();
    await page.locator("input[name=down]").fill("500K");
    await page.getByLabel("Seed until").selectOption("a ratio");
    await page.getByLabel("Amount").fill("2.5");
    await page.getByLabel("Labels, separated").fill("tv, hd");
    await page.getByRole("tabpanel").getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved", { exact: true }).waitFor();
    const { limits, seedGoal, labels } = await optionsOf(made);
    assert.deepEqual(limits, { down: 500_000, up: null });
    assert.deepEqual(seedGoal, { kind: "ratio", ratio: 2.5 });
    assert.deepEqual(labels, ["tv", "hd"]);
    await page.locator("input[name=down]").fill("fast");
    await page.getByRole("tabpanel").getByRole("button", { name: "Save" }).click();
    await page.getByRole("alert").getByText("Enter an amount").waitFor();
  });

  it("adds and removes a tracker", async () => {
    const made = await complete("Tracked");
    await rowOf(page, "Tracked").click();
    await page.getByRole("tab", { name: "Trackers" }).click();
    await page.getByLabel("URL of a tracker").fill("http://127.0.0.1:9/announce");
    await button(page, "Add tracker").click();
    await page.getByRole("cell", { name: "http://127.0.0.1:9/announce", exact: true }).waitFor();
    await page.getByRole("navigation").getByText("127.0.0.1", { exact: true }).waitFor();
    await button(page, "Remove: http://127.0.0.1:9/announce").click();
    await page.getByText("This torrent has no trackers.").waitFor();
    assert.deepEqual((await daemon.ask(`GET /torrents/${made.infoHash}/trackers`)).trackers, []);
  });

  it("removes a torrent with its data, and says how many bytes", async () => {
    await complete("Done with");
    const file = join(daemon.data, "Done with", "a.bin");
    assert.ok(existsSync(file));
    await rowOf(page, "Done with").click();
    await button(page, "Remove").click();
    await dialog(page).getByLabel("Delete the files: 49.0 kB").check();
    await dialog(page).getByRole("button", { name: "Remove", exact: true }).click();
    await page.getByText("Removed; 49.0 kB deleted").waitFor();
    await rowOf(page, "Done with").waitFor({ state: "detached" });
    assert.ok(!existsSync(file));
  });

  it("filters, searches and sorts", async () => {
    const names = () => page.locator(".rows .row .c-name").allTextContents();
    await page.getByLabel("Search torrents").fill("film");
    await page.getByText("1 torrent", { exact: true }).waitFor();
    assert.deepEqual(await names(), ["Film one"]);
    await page.getByLabel("Search torrents").press("Escape");
    await page.getByRole("navigation").getByText("Stopped").click();
    assert.deepEqual(await names(), ["Series"]);
    await page.getByRole("navigation").getByText("All").click();
    const before = await names();
    await page.getByRole("columnheader").getByText("Name").click();
    assert.deepEqual(await names(), before.toReversed());
    await page.getByRole("columnheader").getByText("Name").click();
  });

  it("changes a setting, and the hours of the week", async () => {
    await button(page, "Settings").click();
    await dialog(page).getByText("Speed", { exact: true }).waitFor();
    const limits = dialog(page).getByRole("form", { name: "limits", exact: true });
    await limits.getByLabel("limits: down").fill("2M");
    await limits.getByRole("button", { name: "Save" }).click();
    await limits.getByText("from config.jsonc").waitFor();
    const hours = dialog(page).getByRole("form", { name: "alternative", exact: true });
    await hours.locator('[data-at="0-8"]').hover();
    await page.mouse.down();
    await hours.locator('[data-at="0-10"]').hover();
    await page.mouse.up();
    await hours.getByRole("button", { name: "Save" }).click();
    await hours.getByText("from config.jsonc").waitFor();
    const { settings } = await daemon.ask("GET /settings");
    const valueOf = (name: string) =>
      settings.find((setting: { name: string }) => setting.name === name).value;
    assert.equal(valueOf("limits").down, 2_000_000);
    assert.deepEqual(valueOf("alternative").schedule, [{ days: [1], from: "08:00", to: "11:00" }]);
    await page.keyboard.press("Escape");
  });

  it("shows a change of another tab, and keeps no stream while it is hidden", async () => {
    const other = await openPage(browser);
    await other.page.goto(daemon.url);
    await rowOf(other.page, "Film one").click();
    await button(other.page, "Stop").click();
    await rowOf(page, "Film one").filter({ hasText: "Stopped" }).waitFor();
    await other.context.close();
    const hide = (isHidden: boolean) =>
      page.evaluate(`
        Object.defineProperty(document, "hidden", { configurable: true, get: () => ${isHidden} });
        document.dispatchEvent(new Event("visibilitychange"));
      `);
    await hide(true);
    await daemon.ask(`POST /torrents/${"a".repeat(40)}/start`);
    await until("it runs", async () => {
      return (await daemon.ask(`GET /torrents/${"a".repeat(40)}`)).state === "finding";
    });
    assert.ok((await rowOf(page, "Film one").textContent())!.includes("Stopped"));
    await hide(false);
    await rowOf(page, "Film one").filter({ hasText: "No peers" }).waitFor();
  });

  it("says that the daemon is away, and recovers by itself", async () => {
    await daemon.stop();
    await page.getByText("The daemon does not answer").waitFor();
    await daemon.again();
    await page.getByText("The daemon does not answer").waitFor({ state: "detached" });
    await rowOf(page, "Film one").waitFor();
    await daemon.ask(`DELETE /torrents/${"a".repeat(40)}`);
    await rowOf(page, "Film one").waitFor({ state: "detached" });
  });

  it("cannot be used by a page of another site", async () => {
    const { torrents } = await daemon.ask("GET /torrents"), before = Object.keys(torrents);
    const stranger = createServer((_, answer) => {
      answer.setHeader("content-type", "text/html").end("<title>stranger</title>");
    });
    await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
    const { port } = stranger.address() as AddressInfo;
    const other = await openPage(browser);
    await other.page.goto(`http://127.0.0.1:${port}/`);
    const said = await other.page.evaluate(ATTACK(`${daemon.url}api/v1`, before[0]!));
    assert.deepEqual(said, ["refused", "refused", "refused", "refused", "refused", "no frame"]);
    assert.deepEqual(Object.keys((await daemon.ask("GET /torrents")).torrents), before);
    await other.context.close();
    stranger.close();
  });

  it("had no error and no breach of its policy", () => {
    assert.deepEqual(complaintsOf(watched), []);
  });
});

/** What a page of another site can try. Each attempt says how it ended. */
const ATTACK = (api: string, infoHash: string) =>
  `(async () => {
  const attempt = (path, options) =>
    fetch("${api}" + path, options).then(({ type, status }) => type === "opaque" ? type : status,
      () => "refused");
  const json = { headers: { "content-type": "application/json" } };
  const stream = new Promise((resolve) => {
    const source = new EventSource("${api}/events");
    source.onopen = () => resolve("open");
    source.onerror = () => (source.close(), resolve("refused"));
  });
  const frame = new Promise((resolve) => {
    const frame = document.createElement("iframe");
    frame.src = "${api}/torrents";
    frame.onload = () => resolve(frame.contentDocument === null ? "no frame" : "frame");
    document.body.append(frame);
  });
  return [
    await attempt("/torrents"),
    await attempt("/torrents", { ...json, method: "POST", body: '{"magnet":"${"e".repeat(40)}"}' }),
    await attempt("/torrents/${infoHash}", { ...json, method: "DELETE" }),
    await stream,
    await attempt("/torrents", { method: "POST", mode: "no-cors", body: '{"magnet":"${
    "e".repeat(40)
  }"}' }),
    await frame,
  ];
})()`;

/** Refused requests and a daemon that is away are part of the tests. */
function complaintsOf({ complaints }: WatchedPage): string[] {
  return complaints.filter((each) => !/Failed to load resource|ERR_/.test(each));
}
