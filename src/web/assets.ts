/**
 * The page as the daemon serves it, all as text in the program: it needs no build step, and the bundle
 * and the executables have it. `src/web/app` is code for a browser.
 */
import htm from "htm" with { type: "text" };
import preact from "preact" with { type: "text" };
import hooks from "preact/hooks" with { type: "text" };
import addDialog from "./app/add_dialog.js" with { type: "text" };
import api from "./app/api.js" with { type: "text" };
import app from "./app/app.js" with { type: "text" };
import chart from "./app/chart.js" with { type: "text" };
import columns from "./app/columns.js" with { type: "text" };
import details from "./app/details.js" with { type: "text" };
import fileTree from "./app/file_tree.js" with { type: "text" };
import filesTab from "./app/files_tab.js" with { type: "text" };
import filters from "./app/filters.js" with { type: "text" };
import folders from "./app/folders.js" with { type: "text" };
import format from "./app/format.js" with { type: "text" };
import kept from "./app/kept.js" with { type: "text" };
import limitsTab from "./app/limits_tab.js" with { type: "text" };
import listView from "./app/list_view.js" with { type: "text" };
import live from "./app/live.js" with { type: "text" };
import logLines from "./app/log_lines.js" with { type: "text" };
import login from "./app/login.js" with { type: "text" };
import optionFields from "./app/option_fields.js" with { type: "text" };
import pieceMap from "./app/piece_map.js" with { type: "text" };
import piecesTab from "./app/pieces_tab.js" with { type: "text" };
import schedule from "./app/schedule.js" with { type: "text" };
import scheduleGrid from "./app/schedule_grid.js" with { type: "text" };
import selection from "./app/selection.js" with { type: "text" };
import settingDrafts from "./app/setting_drafts.js" with { type: "text" };
import settingsScreen from "./app/settings_screen.js" with { type: "text" };
import statusScreen from "./app/status_screen.js" with { type: "text" };
import store from "./app/store.js" with { type: "text" };
import swarmTabs from "./app/swarm_tabs.js" with { type: "text" };
import texts from "./app/texts.js" with { type: "text" };
import torrentDialogs from "./app/torrent_dialogs.js" with { type: "text" };
import torrentList from "./app/torrent_list.js" with { type: "text" };
import ui from "./app/ui.js" with { type: "text" };
import words from "./app/words.js" with { type: "text" };
import icon from "./icon.svg" with { type: "text" };
import index from "./index.html" with { type: "text" };
import manifest from "./manifest.webmanifest" with { type: "text" };
import style from "./style.css" with { type: "text" };

/** A file of the page. */
export interface Asset {
  /** Relative to the page: "web/app.js", or "" for the page itself. */
  readonly path: string;
  readonly type: string;
  readonly text: string;
}

const MODULES: Readonly<Record<string, string>> = {
  add_dialog: addDialog,
  api: api,
  app: app,
  chart: chart,
  columns: columns,
  details: details,
  file_tree: fileTree,
  files_tab: filesTab,
  filters: filters,
  folders: folders,
  format: format,
  kept: kept,
  limits_tab: limitsTab,
  list_view: listView,
  live: live,
  log_lines: logLines,
  login: login,
  option_fields: optionFields,
  piece_map: pieceMap,
  pieces_tab: piecesTab,
  schedule: schedule,
  schedule_grid: scheduleGrid,
  selection: selection,
  setting_drafts: settingDrafts,
  settings_screen: settingsScreen,
  status_screen: statusScreen,
  store: store,
  swarm_tabs: swarmTabs,
  texts: texts,
  torrent_dialogs: torrentDialogs,
  torrent_list: torrentList,
  ui: ui,
  words: words,
  htm,
  preact,
  hooks,
};

/** Where the browser finds packages. */
const PACKAGES: Readonly<Record<string, string>> = {
  "htm": "./htm.js",
  "preact": "./preact.js",
  "preact/hooks": "./hooks.js",
};

/** In any order of paths. */
export function pageAssets(): Asset[] {
  const scripts = Object.entries(MODULES).map(([name, text]) => script(name, text));
  const preloads = firstNeeded(scripts).map((path) => `<link rel="modulepreload" href="${path}">`);
  return [
    { path: "", type: "text/html", text: index.replace("<!-- modules -->", preloads.join("\n")) },
    { path: "web/style.css", type: "text/css", text: style.replace(/^\s+/gm, "") },
    { path: "web/icon.svg", type: "image/svg+xml", text: icon },
    { path: "web/manifest.webmanifest", type: "application/manifest+json", text: manifest },
    ...scripts,
  ];
}

/** Paths of the modules that app.js imports, directly or not; the others are loaded when they are used. */
function firstNeeded(scripts: readonly Asset[]): string[] {
  const needed = ["web/app.js"];
  for (const path of needed) {
    const { text } = scripts.find((script) => script.path === path)!;
    for (const [, name] of text.matchAll(/\bfrom\s*"\.\/([^"]+)"/g)) {
      if (!needed.includes(`web/${name}`)) needed.push(`web/${name}`);
    }
  }
  return needed;
}

function script(name: string, text: string): Asset {
  return { path: `web/${name}.js`, type: "text/javascript", text: forBrowser(text) };
}

/** Imports of packages by their place, so that the page needs no inline import map. */
function forBrowser(text: string): string {
  const named = text.replace(/\b(from|import)\s*"(htm|preact|preact\/hooks)"/g, (_, word, name) => {
    return `${word} "${PACKAGES[name]}"`;
  });
  return withoutComments(named).replace(/\n?\/\/# sourceMappingURL=.*/, "");
}

/** Comments and indentation are of no use to a browser. Our modules have neither within texts. */
function withoutComments(text: string): string {
  return text.replace(/\/\*\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "").replace(/^\s+/gm, "");
}
