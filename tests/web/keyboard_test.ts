/** The page by keyboard alone. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { needsBrowser, openPage, startBrowser } from "../harness/browser.ts";
import { Scene } from "../interop/scene.ts";
import { until } from "../interop/until.ts";
import { dialog, rowOf } from "./screens.ts";
import { makeTorrent, WebDaemon } from "./web_daemon.ts";

const skip = needsBrowser();
const scene = new Scene();
let browser: Browser, daemon: WebDaemon, page: Page;

before(async () => {
  if (skip) return;
  [browser, daemon] = await Promise.all([startBrowser(), WebDaemon.start(scene)]);
  for (const name of ["Alpha", "Beta", "Gamma"]) {
    await daemon.add(makeTorrent(name, [{ path: "a.bin", size: 20_000 }]), { paused: true });
  }
  page = (await openPage(browser, { viewport: { width: 1280, height: 800 } })).page;
  await page.goto(daemon.url);
  await rowOf(page, "Gamma").waitFor();
});
after(async () => {
  await browser?.close();
  await scene.close();
});

/** What a screen reader would name: the label or the text of what has the focus. */
const focused = async () =>
  String(
    await page.evaluate(`(() => {
      const { activeElement: at } = document;
      return at.getAttribute("aria-label") ?? at.labels?.[0]?.textContent ?? at.textContent;
    })()`),
  ).trim();

/** Presses Tab until something of this name has the focus. */
async function tabTo(name: string | RegExp, key = "Tab"): Promise<void> {
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press(key);
    const now = await focused();
    if (typeof name === "string" ? now === name : name.test(now)) return;
  }
  assert.fail(`no ${name} by Tab`);
}

const press = async (...keys: string[]) => {
  for (const key of keys) await page.keyboard.press(key);
};
const states = async () => {
  const { torrents } = await daemon.ask("GET /torrents");
  return Object.fromEntries(
    Object.values<{ name: string; state: string }>(torrents).map((
      { name, state },
    ) => [name, state]),
  );
};

describe("the page by keyboard", { skip }, () => {
  it("goes through the list with one tab stop, and selects several", async () => {
    await tabTo(/^Alpha/);
    await press("ArrowDown");
    await until("the next row has the focus", async () => (await focused()).startsWith("Beta"));
    await press("Shift+ArrowDown");
    await until("a range is selected", async () => {
      return await page.locator(".rows [aria-selected=true]").count() === 2;
    });
    await press("Home");
    await until("the first row has the focus", async () => (await focused()).startsWith("Alpha"));
    await press("Control+a");
    assert.equal(await page.locator(".rows [aria-selected=true]").count(), 3);
  });

  it("starts and stops the selected ones", async () => {
    await tabTo("Start", "Shift+Tab");
    await press("Enter");
    await until("all run", async () => !Object.values(await states()).includes("paused"));
    await tabTo("Stop");
    await press("Enter");
    await until("all are stopped", async () => {
      return Object.values(await states()).every((state) => state === "paused");
    });
  });

  it("opens the details, goes through the tabs, and skips a file", async () => {
    await tabTo(/^Alpha/);
    await press("ArrowDown", "ArrowUp", "Enter");
    await until("a tab has the focus", async () => await focused() === "Overview");
    await press("ArrowRight");
    assert.equal(await focused(), "Files");
    await tabTo("Download this: a.bin");
    await press("Space");
    await until("the file is skipped", async () => {
      const { torrents } = await daemon.ask("GET /torrents");
      return Object.values<{ wanted: number }>(torrents).some(({ wanted }) => wanted === 0);
    });
  });

  it("labels by the menu, with the focus back where it was", async () => {
    await tabTo("More ▾", "Shift+Tab");
    await press("Enter");
    await until("the first item has the focus", async () => await focused() === "Label");
    await press("Enter");
    await dialog(page).waitFor();
    await tabTo(/^Labels/);
    await page.keyboard.type("keys");
    await press("Enter");
    await dialog(page).waitFor({ state: "detached" });
    await rowOf(page, "Alpha").filter({ hasText: "keys" }).waitFor();
    assert.equal(await focused(), "More ▾");
  });

  it("adds a torrent from anywhere, and closes a dialog by Escape", async () => {
    await press("n");
    await dialog(page).waitFor();
    assert.match(await focused(), /^Magnet links/);
    await page.keyboard.type(`magnet:?xt=urn:btih:${"b".repeat(40)}&dn=Delta`);
    await tabTo("Add");
    await press("Enter");
    await rowOf(page, "Delta").waitFor();
    // The row may come before the answer to the dialog, which closes it.
    await dialog(page).waitFor({ state: "detached" });
    await press("n");
    await dialog(page).waitFor();
    await press("Escape");
    await dialog(page).waitFor({ state: "detached" });
  });

  it("searches, and removes what is found", async () => {
    await until("the search has the focus", async () => {
      if (await focused() !== "Search torrents") await press("/");
      return await focused() === "Search torrents";
    });
    await page.keyboard.type("delta");
    await page.getByText("1 torrent", { exact: true }).waitFor();
    await tabTo(/^Delta/);
    await press("Delete");
    await dialog(page).getByText("Delta").waitFor();
    await tabTo("Remove");
    await press("Enter");
    await rowOf(page, "Delta").waitFor({ state: "detached" });
    assert.equal((await states())["Delta"], undefined);
  });

  it("changes an hour of the schedule", async () => {
    await tabTo("Settings", "Shift+Tab");
    await press("Enter");
    await dialog(page).getByText("alternative", { exact: true }).waitFor();
    await tabTo(/^Monday 0/);
    await press("ArrowRight", "ArrowDown", "Space");
    const changed = dialog(page).getByLabel(/^Tuesday 0?1.*: alternative limits/);
    await changed.waitFor();
    await press("Escape");
  });
});
