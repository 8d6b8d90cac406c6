/** Transmission's own web page, as Debian has it, served by the daemon and used in Chromium. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, describe, it } from "node:test";
import type { Page } from "playwright-core";
import { needsBrowser, openPage, startBrowser } from "../harness/browser.ts";
import { needs } from "./needs.ts";
import { startRpcDaemon } from "./rpc_daemon.ts";
import { Scene } from "./scene.ts";
import { until } from "./until.ts";

const WEB_HOME = "/usr/share/transmission/web";
const MAGNET_HASH = "0123456789abcdef0123456789abcdef01234567";

const scene = new Scene();
after(() => scene.close());

/** The page and what a person does on it; `$` is the page's own jQuery. */
class WebPage {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  text(selector: string): Promise<string> {
    return this.page.evaluate(`$(${JSON.stringify(selector)}).text()`) as Promise<string>;
  }

  async click(selector: string): Promise<void> {
    const found = await this.page.evaluate(
      `(() => { const e = document.querySelector(${JSON.stringify(selector)});
        e?.dispatchEvent(new MouseEvent("mousedown", { bubbles: true }));
        e?.click(); return e !== null; })()`,
    );
    assert.ok(found, `the page has no ${selector}`);
  }

  async type(selector: string, text: string): Promise<void> {
    await this.page.evaluate(
      `(() => { const e = document.querySelector(${JSON.stringify(selector)});
        e.focus(); $(e).focus(); e.value = ${JSON.stringify(text)};
        $(e).change(); $(e).blur(); })()`,
    );
  }

  async shows(selector: string, pattern: RegExp): Promise<void> {
    await until(
      `${selector} shows ${pattern}`,
      async () => pattern.test(await this.text(selector)),
    );
  }

  rows(): Promise<number> {
    return this.page.evaluate(`$("#torrent_list > li").length`) as Promise<number>;
  }
}

async function session(port: number): Promise<Record<string, unknown>> {
  const url = `http://127.0.0.1:${port}/transmission/rpc`;
  const first = await fetch(url, { method: "POST", body: "{}" });
  await first.body?.cancel();
  const id = first.headers.get("x-transmission-session-id")!;
  const headers = { "x-transmission-session-id": id };
  const answer = await fetch(url, { method: "POST", headers, body: '{"method":"session-get"}' });
  return (await answer.json()).arguments;
}

describe("the web page of Transmission", { skip: needs("transmission") || needsBrowser() }, () => {
  it("lists, adds, stops, starts and removes torrents", { timeout: 90_000 }, async () => {
    assert.ok(existsSync(WEB_HOME));
    const { port } = await startRpcDaemon(scene, { webHome: WEB_HOME });
    const browser = await startBrowser();
    scene.onClose(() => browser.close());
    const { page: tab, complaints } = await openPage(browser);
    await tab.goto(`http://127.0.0.1:${port}/transmission/web/`);
    const page = new WebPage(tab);
    await until("the page runs", async () => {
      return await tab.evaluate(`typeof transmission === "object" &&
        document.querySelector("#download-dir").value !== ""`) === true;
    });

    const payload = scene.payload({
      name: "multi",
      pieceLength: 32_768,
      files: [{ path: "a.bin", size: 70_000 }, { path: "sub/b.txt", size: 50 }],
    });
    await page.click("#toolbar-open");
    await tab.setInputFiles("#torrent_upload_file", scene.torrentFile(payload));
    await page.click("#upload_confirm_button");
    await page.shows("#torrent_list", /multi/);
    await page.click("#toolbar-open");
    await tab.evaluate(`$("#torrent_upload_file").val("")`);
    await page.type("#torrent_upload_url", `magnet:?xt=urn:btih:${MAGNET_HASH}&dn=from-a-magnet`);
    await page.click("#upload_confirm_button");
    await page.shows("#torrent_list", /from-a-magnet/);
    assert.equal(await page.rows(), 2);

    await page.click("#toolbar-pause-all");
    await page.shows("#torrent_list", /Paused[^]*Paused/);
    await page.click("#toolbar-start-all");
    await until("nothing is paused", async () => !/Paused/.test(await page.text("#torrent_list")));

    await page.click("#toolbar-inspector");
    await tab.evaluate(`transmission.setSelectedRow(transmission._rows.find((row) =>
      row.getTorrent().getName() === "multi"))`);
    await page.shows("#torrent_inspector_name", /multi/);
    await page.shows("#inspector-info-hash", new RegExp(payload.infoHash));
    await page.shows("#inspector-info-size", /70/);
    await page.click("#inspector-tab-files");
    await page.shows("#inspector_file_list", /a\.bin[^]*b\.txt/);
    await page.click("#inspector-tab-peers");
    await page.click("#inspector-tab-trackers");

    await page.click("#prefs-button");
    await page.type("#speed-limit-down", "123");
    await tab.evaluate(`$("#speed-limit-down-enabled").prop("checked", true).change()`);
    await until("the limit holds", async () => {
      const { "speed-limit-down": limit, "speed-limit-down-enabled": on } = await session(port);
      return limit === 123 && on === true;
    });

    await page.click("#toolbar-remove");
    await page.click("#dialog_confirm_button");
    await until("one is left", async () => await page.rows() === 1);
    // The page asks for its session id by a first request without one.
    assert.deepEqual(complaints.filter((each) => !each.includes("409")), []);
  });
});
