// @ts-self-types="./texts.d.ts"
/**
 * The files of the page as texts. JavaScript with declared types, because tsc takes a script that is
 * imported as text for a module, and would report errors in projects that use the library.
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

/** The scripts of the page, by name. */
export const MODULES = {
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

export { icon, index, manifest, style };
