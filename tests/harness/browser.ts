/**
 * Chromium for tests, driven by playwright-core: Debian's, headless, with a profile of its own. A test
 * that needs it is left out where it is not installed, except under SHOAL_REQUIRE_PEERS=1.
 */
import { existsSync } from "node:fs";
import process from "node:process";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

const PROGRAM = process.env.SHOAL_CHROMIUM ?? "/usr/bin/chromium";

/** For the `skip` of a test. */
export function needsBrowser(): string | false {
  if (process.env.SHOAL_REQUIRE_PEERS === "1" || existsSync(PROGRAM)) return false;
  return "needs chromium";
}

/** Close it when the test ends. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: PROGRAM,
    // Tests run as root in containers, where Chromium has no sandbox and little shared memory.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
}

export interface WatchedPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors of scripts, refusals of the content security policy, and failed requests. */
  readonly complaints: string[];
}

/** A page of a profile of its own, whose complaints are kept. */
export async function openPage(
  browser: Browser,
  options: Parameters<Browser["newContext"]>[0] = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ locale: "en-GB", ...options });
  const page = await context.newPage(), complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(`error: ${error.stack ?? error.message}`));
  page.on("response", (answer) => {
    if (answer.status() === 404) complaints.push(`404: ${answer.url()}`);
  });
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(`console: ${message.text()}`);
  });
  return { page, context, complaints };
}
