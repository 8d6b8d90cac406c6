/**
 * Each screen in light and dark: axe-core has no complaint, and hostile names stay text. With
 * SHOAL_SCREENSHOTS=docs/images, pictures of some of the screens are saved there.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { needsBrowser, openPage, startBrowser, type WatchedPage } from "../harness/browser.ts";
import { Scene } from "../interop/scene.ts";
import { button, rowOf, screensWith } from "./screens.ts";
import { makeTorrent, PASSWORD, WebDaemon } from "./web_daemon.ts";

// The page is the same whatever serves it; the other tests of this folder run on both.
const skip = needsBrowser() || process.versions.bun !== undefined && "looked at on Deno";
const scene = new Scene();
const pictures = process.env.SHOAL_SCREENSHOTS;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** A name that does something wherever it is not treated as text. */
const HOSTILE = [
  `<img src=x onerror="document.title='hacked'">`,
  `"><script>document.title='hacked'</script>`,
  "javascript:document.title='hacked'",
  "${document.title='hacked'}",
  "evil\u202Egpj.exe",
  "zero\u200B\u200D\uFEFFwidth",
  "\u0645\u0631\u062D\u0628\u0627 \u05E9\u05DC\u05D5\u05DD",
  "x".repeat(200),
  "a\u0301\u0301".repeat(60),
];
const LONG = "long ".repeat(2000);

let browser: Browser, daemon: WebDaemon, open: WebDaemon, watched: WatchedPage, page: Page;

before(async () => {
  if (skip) return;
  [browser, daemon, open] = await Promise.all([
    startBrowser(),
    WebDaemon.start(scene),
    WebDaemon.start(scene, { password: true }),
  ]);
  await fill();
  watched = await openPage(browser, {
    viewport: { width: 1280, height: 800 },
    colorScheme: "light",
    reducedMotion: "reduce",
  });
  page = watched.page;
});
after(async () => {
  await browser?.close();
  await scene.close();
});

async function fill(): Promise<void> {
  const film = makeTorrent("Film", [
    { path: "film.mkv", size: 50_000 },
    { path: "extras/poster.jpg", size: 9000 },
  ], ["http://127.0.0.1:9/announce"]);
  film.write(daemon.data);
  await daemon.add(film, { labels: ["films"] });
  await daemon.add(makeTorrent("Stopped one", [{ path: "a", size: 20_000 }]), { paused: true });
  await daemon.ask("POST /torrents", { magnet: `magnet:?xt=urn:btih:${"c".repeat(40)}&dn=A+link` });
  if (pictures) return;
  for (const [index, name] of HOSTILE.entries()) {
    const made = makeTorrent(name, [{ path: `${name}/a.mkv`, size: 100 + index }]);
    await daemon.add(made, { paused: true, labels: [name.slice(0, 100)] });
  }
  const hash = "d".repeat(40);
  await daemon.ask("POST /torrents", {
    magnet: `magnet:?xt=urn:btih:${hash}&dn=${encodeURIComponent(LONG)}`,
  });
}

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** Of all rules in the light scheme; colours alone in the dark one, since nothing else depends on it. */
async function violations(): Promise<string[]> {
  await page.evaluate(`window.axe ?? (() => { ${axe} })()`);
  const light = await run("axe.run()");
  await page.emulateMedia({ colorScheme: "dark" });
  const dark = await run('axe.run({ runOnly: ["color-contrast"] })');
  await page.emulateMedia({ colorScheme: "light" });
  return [...light, ...dark.map((each) => `dark: ${each}`)];
}

async function run(script: string): Promise<string[]> {
  const found = await page.evaluate(script) as { violations: Violation[] };
  return found.violations.map(({ id, nodes }) => {
    return `${id}: ${
      nodes.slice(0, 3).map((node) => node.html.slice(0, 200) + node.failureSummary)
    }`;
  });
}

const PICTURED = ["details, Overview", "phone"];

async function picture(name: string): Promise<void> {
  if (!pictures || !PICTURED.includes(name)) return;
  const file = `${name.toLowerCase().replace(/\W+/g, "-")}.png`;
  await page.screenshot({ path: join(pictures, file) });
}

describe("the screens of the page", { skip }, () => {
  for (const screen of screensWith("Film")) {
    it(`${screen.name}: axe-core has no complaint in light and dark`, async () => {
      await page.goto(daemon.url);
      await rowOf(page, "Film").waitFor();
      await screen.open(page);
      assert.deepEqual(await violations(), []);
      await picture(screen.name);
    });
  }

  it("signing in: axe-core has no complaint in light and dark", async () => {
    await page.goto(open.url);
    await page.getByLabel("Password").waitFor();
    assert.deepEqual(await violations(), []);
  });

  it("let a user sign in and out", async () => {
    await page.goto(open.url);
    await page.getByLabel("Password").fill("wrong");
    await button(page, "Sign in").click();
    await page.getByText("The name or the password is wrong").waitFor();
    await page.getByLabel("Password").fill(PASSWORD);
    await button(page, "Sign in").click();
    await page.getByText("No torrents yet").waitFor();
    await button(page, "Status").click();
    await button(page, "Sign out").click();
    await page.getByLabel("Password").waitFor();
  });

  it("fit a phone", async () => {
    await page.setViewportSize({ width: 390, height: 780 });
    await page.goto(daemon.url);
    await rowOf(page, "Film").waitFor();
    assert.deepEqual(await violations(), []);
    const width = await page.evaluate("document.documentElement.scrollWidth");
    assert.equal(width, 390, "nothing is wider than the screen");
    await picture("phone");
    await rowOf(page, "Film").click();
    await page.getByRole("tab", { name: "Overview" }).waitFor();
    assert.deepEqual(await violations(), []);
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  it(
    "show hostile names as text",
    { skip: pictures ? "pictures are without them" : false },
    async () => {
      await page.goto(daemon.url);
      await rowOf(page, "Film").waitFor();
      const rows = page.locator(".rows .row");
      for (let i = 0, count = await rows.count(); i < count; i++) {
        await rows.nth(i).click();
        for (const tab of ["Files", "Log", "Overview"]) {
          await page.getByRole("tab", { name: tab }).click();
        }
      }
      const shown = await page.evaluate("document.body.innerText") as string;
      assert.match(shown, /<img src=x onerror=/);
      assert.doesNotMatch(
        shown,
        /[\u202A-\u202E\u2066-\u2069\u200B\uFEFF]/,
        "no hidden characters",
      );
      assert.ok(shown.length < 20_000, "a long name is cut");
      assert.equal(await page.title(), "shoal", "no script of a name ran");
      assert.equal(await page.locator("img, iframe, main script").count(), 0);
      await button(page, "Remove").click();
      assert.equal(await page.title(), "shoal");
    },
  );

  it("had no error and no breach of the policy", () => {
    const complaints = watched.complaints.filter((each) => !/Failed to load resource/.test(each));
    assert.deepEqual(complaints, []);
  });
});
