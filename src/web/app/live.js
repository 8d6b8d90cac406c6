/**
 * The event stream of the tab: one, and none while the tab is hidden. It continues after the last
 * event that was seen, so that what was missed comes first.
 */
import { ask } from "./api.js";

const RETRY_MS = 2000;

export class Live {
  #store;
  /** @type {EventSource | null} */
  #source = null;
  #lastId = "";
  #timer = 0;

  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.#store = store;
    document.addEventListener("visibilitychange", () => this.#follow());
    this.#follow();
  }

  /** After signing in. */
  again() {
    this.#close();
    this.#follow();
  }

  #follow() {
    if (document.hidden) return this.#close();
    if (this.#source === null) this.#open();
  }

  #open() {
    clearTimeout(this.#timer);
    const since = this.#lastId === "" ? "" : `?since=${encodeURIComponent(this.#lastId)}`;
    const source = this.#source = new EventSource(`api/v1/events${since}`);
    source.onopen = () => this.#store.setLink("online");
    source.addEventListener("snapshot", (event) => this.#take(event, "begin"));
    source.addEventListener("delta", (event) => this.#take(event, "apply"));
    source.onerror = () => void this.#failed();
  }

  /** @param {MessageEvent<string>} event @param {"begin" | "apply"} how */
  #take({ data, lastEventId }, how) {
    this.#lastId = lastEventId;
    this.#store[how](JSON.parse(data));
  }

  /** A browser does not say why, and gives up on some answers: so ask, and try again here. */
  async #failed() {
    this.#close();
    const error = await ask("GET /client").then(() => null, (error) => error);
    if (error?.status === 401) return this.#store.setLink("login");
    if (error !== null) this.#store.setLink("away");
    if (!document.hidden) this.#timer = setTimeout(() => this.#follow(), RETRY_MS);
  }

  #close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }
}
