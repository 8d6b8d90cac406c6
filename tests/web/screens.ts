/** The screens of the page: how each is opened. */
import type { Page } from "playwright-core";

export const TABS = ["Overview", "Files", "Peers", "Trackers", "Pieces", "Limits", "Log"] as const;

/** The row of a torrent in the list. */
export const rowOf = (page: Page, name: string) =>
  page.locator(".rows .row").filter({ hasText: name });

export const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });

export const dialog = (page: Page) => page.getByRole("dialog").last();

export interface Screen {
  readonly name: string;
  open(page: Page): Promise<void>;
}

/** Each is opened from the list, where `row` is a torrent whose files are known. */
export function screensWith(row: string): readonly Screen[] {
  const choose = (page: Page) => rowOf(page, row).click();
  const tabs = TABS.map((tab) => ({
    name: `details, ${tab}`,
    open: async (page: Page) => {
      await choose(page);
      await page.getByRole("tab", { name: tab }).click();
      await page.locator("[role=tabpanel] > *").first().waitFor();
    },
  }));
  const opened = (name: string, by: string, ready: string) => ({
    name,
    open: async (page: Page) => {
      await choose(page);
      await button(page, by).click();
      await dialog(page).getByText(ready).first().waitFor();
    },
  });
  const fromMenu = (name: string, item: string) => ({
    name,
    open: async (page: Page) => {
      await choose(page);
      await button(page, "More ▾").click();
      await page.getByRole("menuitem", { name: item, exact: true }).click();
      await dialog(page).waitFor();
    },
  });
  return [
    { name: "list", open: () => Promise.resolve() },
    ...tabs,
    opened("add", "Add", "Magnet links"),
    opened("remove", "Remove", "Keep the files"),
    opened("columns", "Columns", "Tracker"),
    opened("status", "Status", "Version"),
    opened("settings", "Settings", "torrents.dir"),
    fromMenu("labels", "Label"),
    fromMenu("limits", "Limits"),
    fromMenu("move", "Move files"),
  ];
}
