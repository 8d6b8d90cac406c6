/** The page: the list with its filters, the details, and the dialogs on top. */
import { render } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ask, each } from "./api.js";
import { COLUMNS, USUAL } from "./columns.js";
import { Filters } from "./filters.js";
import { plain, rate } from "./format.js";
import { keep, kept } from "./kept.js";
import { ListView } from "./list_view.js";
import { Live } from "./live.js";
import { Selection } from "./selection.js";
import { Store } from "./store.js";
import { T } from "./texts.js";
import { TorrentList } from "./torrent_list.js";
import { Check, Dialog, html, Later, useStore, valueOf } from "./ui.js";

/** After the last touch of the list, its order stays for so long. */
const HOLD_MS = 5000;
const TOLD_MS = 8000;
/** @typedef {{ words: string, details: readonly string[] }} Told */

/** Loaded when they are opened: the first look is at the list. */
const LOADED = {
  add: async () => (await import("./add_dialog.js")).AddDialog,
  details: async () => (await import("./details.js")).Details,
  login: async () => (await import("./login.js")).Login,
  settings: async () => (await import("./settings_screen.js")).SettingsScreen,
  status: async () => (await import("./status_screen.js")).StatusScreen,
};
/** For the selected torrents. */
const DIALOGS = {
  remove: async () => (await import("./torrent_dialogs.js")).RemoveDialog,
  move: async () => (await import("./torrent_dialogs.js")).MoveDialog,
  label: async () => (await import("./torrent_dialogs.js")).LabelDialog,
  limits: async () => (await import("./torrent_dialogs.js")).LimitsDialog,
};

const store = new Store();
const view = new ListView(store.rows);
view.show({ sort: kept("sort", view.sort) });
const selection = new Selection();
store.onRow((before, after) => view.changed(before, after));
const live = new Live(store);

function App() {
  useStore(store);
  const [, drawAgain] = useState(0);
  const draw = () => drawAgain((n) => n + 1);
  const [dialog, open] = useState("");
  const [given, setGiven] = useState({ text: "", files: /** @type {File[]} */ ([]) });
  const [columns, setColumns] = useState(() => kept("columns", USUAL));
  const [tab, setTab] = useState("overview");
  const [shows, show] = useState(false);
  const [told, setTold] = useState(/** @type {Told | null} */ (null));
  const wantsFocus = useRef(false);
  const heldUntil = useRef(0), search = useRef(/** @type {HTMLInputElement | null} */ (null));
  const shown = useMemo(() => COLUMNS.filter(({ key }) => columns.includes(key)), [columns]);

  const touched = () => (heldUntil.current = performance.now() + HOLD_MS);
  const tell = (/** @type {string} */ words, /** @type {readonly string[]} */ details = []) => {
    setTold({ words, details });
    if (details.length === 0) setTimeout(() => setTold(null), TOLD_MS);
  };
  const fail = (/** @type {Error} */ error) => tell(error.message);
  const look = (/** @type {Parameters<typeof view.show>[0]} */ changes) => {
    view.show(changes);
    heldUntil.current = 0;
    draw();
  };
  const add = (/** @type {string} */ text = "", /** @type {File[]} */ files = []) => {
    setGiven({ text, files });
    open("add");
  };
  useOutside(add, () => search.current?.focus(), dialog);

  selection.follow(store.rows);
  const order = view.order(performance.now() < heldUntil.current);
  const chosen = [...selection.chosen].flatMap((infoHash) => store.rows.get(infoHash) ?? []);
  const row = chosen.at(-1), isChoosing = chosen.length > 0;
  if (store.link === "login") {
    return html`<${Later} load=${LOADED.login} done=${() => live.again()} />`;
  }

  const command = (/** @type {string} */ verb) => each(selection.chosen, verb).catch(fail);
  const queue = (/** @type {string} */ to) =>
    ask("POST /queue", { infoHashes: order.filter((id) => selection.chosen.has(id)), to }).catch(
      fail,
    );
  const openDetails = () => {
    show(true);
    wantsFocus.current = true;
    focusTab();
  };
  const focusTab = () => {
    const tab = /** @type {HTMLElement | null} */ (
      wantsFocus.current ? document.querySelector("[role=tab][tabindex='0']") : null
    );
    if (tab === null) return;
    wantsFocus.current = false;
    tab.focus();
  };
  const loadDialog = DIALOGS[/** @type {keyof typeof DIALOGS} */ (dialog)];
  const isEmpty = order.length === 0 && store.link === "online";
  return html`<div class="page ${shows && row ? "with-details" : ""}">
    ${store.link === "away" && html`<div class="away" role="alert">${T.away}</div>`}
    <header class="top"><h1>${T.title}</h1>
      <button type="button" class="main" onClick=${() => add()}>${T.add}</button>
      <div class="tools" role="toolbar" aria-label=${T.selectedTorrents}>
        <button type="button" disabled=${!isChoosing} onClick=${() =>
    command("start")}>${T.start}</button>
        <button type="button" disabled=${!isChoosing} onClick=${() =>
    command("pause")}>${T.stop}</button>
        <button type="button" disabled=${!isChoosing} onClick=${() =>
    open("remove")}>${T.remove}</button>
        <${Menu} disabled=${!isChoosing} items=${{
    [T.label]: () => open("label"),
    [T.limits]: () => open("limits"),
    [T.move]: () => open("move"),
    [T.verify]: () => command("verify"),
    [T.reannounce]: () => command("reannounce"),
    [T.queueTop]: () => queue("top"),
    [T.queueUp]: () => queue("up"),
    [T.queueDown]: () => queue("down"),
    [T.queueBottom]: () => queue("bottom"),
  }} /></div>
      <input type="search" ref=${search} aria-label=${T.search} placeholder=${T.searchHint} value=${view.text}
        onInput=${(/** @type {any} */ e) => look({ text: valueOf(e) })}
        onKeyDown=${(/** @type {KeyboardEvent} */ e) => e.key === "Escape" && look({ text: "" })} />
      <span class="mute" role="status">${
    view.text === "" ? (chosen.length > 1 ? T.selected(chosen.length) : "") : T.found(order.length)
  }</span>
      <span class="rates"><span class="dn"><span class="vh">${T.down}</span>↓ ${
    rate(store.session.downRate) || T.none
  }</span>
        <span class="up"><span class="vh">${T.up}</span>↑ ${
    rate(store.session.upRate) || T.none
  }</span></span>
      <button type="button" class="quiet" onClick=${() => open("columns")}>${T.columns}</button>
      <button type="button" class="quiet" onClick=${() => open("status")}>${T.status}</button>
      <button type="button" class="quiet" onClick=${() => open("settings")}>${T.settings}</button>
    </header>
    <${Filters} view=${view} total=${store.rows.size} choose=${(/** @type {any} */ filter) =>
    look({ filter })} />
    <main>${
    isEmpty && html`<p class="empty">${store.rows.size === 0 ? T.noTorrents : T.noMatch}</p>`
  }
      <${TorrentList} rows=${store.rows} order=${order} columns=${shown} sort=${view.sort}
        sortBy=${(/** @type {string} */ by) => {
    const sort = { by, down: view.sort.by === by && !view.sort.down };
    keep("sort", sort);
    look({ sort });
  }}
        selected=${selection.chosen} cursor=${selection.cursor} touched=${touched}
        choose=${(/** @type {string} */ infoHash, /** @type {any} */ how) => {
    touched();
    selection.choose(infoHash, order, how);
    if (!how.toggle && !how.extend) show(true);
    draw();
  }}
        selectAll=${() => (selection.all(order), draw())}
        open=${openDetails}
        remove=${() => isChoosing && open("remove")} /></main>
    ${
    shows && row && html`
      <${Later} load=${LOADED.details} shown=${focusTab} row=${row} store=${store} tab=${tab}
        choose=${setTab}
        back=${() => show(false)} />
    `
  }
    ${
    dialog === "add" && html`
      <${Later} load=${LOADED.add} given=${given} labels=${labelsIn(view)} close=${() => open("")}
        added=${(/** @type {string[]} */ infoHashes, /** @type {boolean} */ choosesFiles) => {
          tell(T.addDialog.added(infoHashes.length));
          selection.expect(infoHashes.at(-1) ?? "");
          show(true);
          if (choosesFiles) setTab("files");
        }} />
    `
  }
    ${dialog === "settings" && html`<${Later} load=${LOADED.settings} close=${() => open("")} />`}
    ${
    dialog === "status" && html`<${Later} load=${LOADED.status} store=${store} close=${() =>
      open("")} signOut=${() => {
      open("");
      void ask("DELETE /login").then(() => live.again(), fail);
    }} />`
  }
    ${
    dialog === "columns" && html`<${ColumnsDialog} columns=${columns} close=${() =>
      open("")} set=${(/** @type {string[]} */ next) => {
      keep("columns", next);
      setColumns(next);
    }} />`
  }
    ${
    loadDialog && isChoosing &&
    html`<${Later} load=${loadDialog} rows=${chosen} tell=${tell} close=${() => open("")} />`
  }
    <div class="told" role="status">${
    told && html`<p>${told.words}
      <button type="button" class="quiet" aria-label=${T.close} onClick=${() =>
      setTold(null)}>✕</button></p>
      ${
      told.details.length > 0 &&
      html`<ul>${told.details.map((line) => html`<li><bdi>${line}</bdi></li>`)}</ul>`
    }`
  }</div>
  </div>`;
}

/** @param {ListView} view */
function labelsIn({ counts }) {
  return [...counts.keys()].filter((name) => name.startsWith("label:") && name !== "label:").map((
    name,
  ) => name.slice(6));
}

/** @param {{ columns: readonly string[], set: (columns: string[]) => void, close: () => void }} props */
function ColumnsDialog({ columns, set, close }) {
  return html`
    <${Dialog} title=${T.columns} close=${close}>
      <div class="checks">${COLUMNS.map(({ key }) =>
        html`
          <${Check} label=${T.columnNames[key]} checked=${columns.includes(
            key,
          )} disabled=${key === "name"}
            set=${(/** @type {boolean} */ on) =>
              set(on ? [...columns, key] : columns.filter((each) => each !== key))} />
        `
      )}</div>
      </${Dialog}>
  `;
}

/** A button that opens a list of commands. @param {{ disabled: boolean, items: Record<string, () => void> }} props */
function Menu({ disabled, items }) {
  const [isOpen, open] = useState(false), menu = useRef(/** @type {HTMLElement | null} */ (null));
  const buttons = () => /** @type {HTMLElement[]} */ ([
    ...menu.current?.querySelectorAll("[role=menuitem]") ?? [],
  ]);
  useEffect(() => {
    if (!isOpen) return;
    buttons()[0]?.focus();
    const away = (/** @type {Event} */ event) => {
      if (!menu.current?.contains(/** @type {Node} */ (event.target))) open(false);
    };
    addEventListener("pointerdown", away);
    return () => removeEventListener("pointerdown", away);
  }, [isOpen]);
  const end = () => {
    open(false);
    /** @type {HTMLElement | null} */ (menu.current?.querySelector("[aria-haspopup]") ?? null)
      ?.focus();
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const all = buttons(), at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (isOpen && step !== 0) {
      event.preventDefault();
      all[(at + step + all.length) % all.length]?.focus();
    }
    if (event.key === "Escape") end();
  };
  return html`<span class="menu" ref=${menu} onKeyDown=${onKey}>
    <button type="button" disabled=${disabled} aria-haspopup="menu" aria-expanded=${isOpen} onClick=${() =>
    open(!isOpen)}>${T.menu} ▾</button>
    ${
    isOpen &&
    html`<div role="menu" aria-label=${T.menu}>${
      Object.entries(items).map(([name, run]) =>
        html`<button type="button" role="menuitem" tabindex="-1" onClick=${() => {
          end();
          run();
        }}>${name}</button>`
      )
    }</div>`
  }</span>`;
}

/** Keys, drops, pastes and links that reach the page as a whole. */
/** @param {(text?: string, files?: File[]) => void} add @param {() => void} search @param {string} dialog */
function useOutside(add, search, dialog) {
  // Listeners are renewed a frame after the page: a key pressed in between must not meet the old dialog.
  const present = useRef(dialog);
  present.current = dialog;
  useEffect(() => {
    const query = new URLSearchParams(location.search),
      shared = query.get("add") || query.get("text");
    if (!shared) return;
    history.replaceState(null, "", location.pathname);
    add(plain(shared.slice(0, 20_000)).trim() === "" ? "" : shared);
  }, []);
  useEffect(() => {
    const isTyping = (/** @type {Event} */ event) =>
      /** @type {HTMLElement} */ (event.target).matches?.("input,textarea,select");
    /** @type {[string, (event: any) => void][]} */
    const listeners = [
      ["keydown", (event) => {
        if (
          present.current !== "" || isTyping(event) || event.ctrlKey || event.metaKey ||
          event.altKey
        ) {
          return;
        }
        if (event.key === "/") search();
        else if (event.key === "+" || event.key === "n") add();
        else return;
        event.preventDefault();
      }],
      ["dragover", (event) => event.preventDefault()],
      ["drop", (event) => {
        event.preventDefault();
        const files = [...event.dataTransfer.files].filter(({ name }) => name.endsWith(".torrent"));
        const text = event.dataTransfer.getData("text/uri-list") ||
          event.dataTransfer.getData("text/plain");
        if (files.length > 0 || text !== "") add(text, files);
      }],
      ["paste", (event) => {
        const text = event.clipboardData.getData("text/plain");
        if (
          present.current === "" && !isTyping(event) &&
          /^(magnet:|https?:|[0-9a-f]{40}\b)/i.test(text.trim())
        ) add(text.trim());
      }],
    ];
    for (const [name, listener] of listeners) addEventListener(name, listener);
    return () => {
      for (const [name, listener] of listeners) removeEventListener(name, listener);
    };
  }, [dialog]);
}

const root = document.getElementById("app");
if (root !== null) render(html`<${App} />`, root);
