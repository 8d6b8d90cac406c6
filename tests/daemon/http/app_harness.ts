/** A daemon's HTTP app without sockets, with settings and time that the test controls. */
import { createHash, scryptSync } from "node:crypto";
import { App } from "../../../src/daemon/http/app.ts";
import { Auth, type AuthSettings } from "../../../src/daemon/http/auth.ts";
import type { Mount, Visit } from "../../../src/daemon/http/types.ts";
import { FakeClock } from "../../tracker/tracker_fakes.ts";
import { Prng } from "../../harness/prng.ts";

type Changes = Partial<AuthSettings> & { allowedHosts?: readonly string[] };

export const HERE: Visit = { address: "127.0.0.1", port: 40_000, isUnix: false };
export const THERE: Visit = { address: "192.0.2.7", port: 40_000, isUnix: false };

export class TestApp {
  readonly clock = new FakeClock();
  /** Slow hashes computed, and the most at a time. */
  hashes = 0;
  mostAtOnce = 0;
  #running = 0;
  readonly auth: Auth;
  readonly bugs: unknown[] = [];
  readonly settings: AuthSettings & { allowedHosts: readonly string[] };
  readonly #app: App;

  constructor(mounts: readonly Mount[], changes: Changes = {}) {
    this.settings = {
      listen: "127.0.0.1:9091",
      user: "shoal",
      password: "",
      tokens: [],
      allowedHosts: [],
      ...changes,
    };
    this.auth = new Auth({
      clock: this.clock,
      random: new Prng(1),
      hasher: { digest: (name, bytes) => new Uint8Array(createHash(name).update(bytes).digest()) },
      passwords: { scrypt: (...what) => this.#scrypt(...what) },
      settings: () => this.settings,
    });
    this.#app = new App({
      auth: this.auth,
      allowedHosts: () => this.settings.allowedHosts,
      bug: (error) => this.bugs.push(error),
    }, mounts);
  }

  /** "GET /path"; the Host is 127.0.0.1 unless `headers` have one. */
  async ask(
    what: string,
    headers: Record<string, string> = {},
    { body, visit = HERE }: { body?: BodyInit; visit?: Visit } = {},
  ): Promise<Response> {
    const [method, path] = what.split(" ") as [string, string];
    const given = method === "GET" || method === "DELETE" || "content-type" in headers
      ? {}
      : { "content-type": "application/json" };
    const all = new Headers({ host: "127.0.0.1:9091", ...given, ...headers });
    const request = new Request(`http://127.0.0.1:9091${path}`, {
      method,
      ...(body === undefined ? {} : { body }),
    });
    // A Request of a browser would drop some of these.
    Object.defineProperty(request, "headers", { value: all });
    return await this.#app.answer(request, visit);
  }

  /** Cheap, so that thousands are quick; counts as the real ones do. */
  async #scrypt(password: Uint8Array, salt: Uint8Array, cost: number): Promise<Uint8Array> {
    this.hashes++;
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#running);
    await Promise.resolve();
    this.#running--;
    return cheapHash(password, salt, cost);
  }
}

function cheapHash(password: Uint8Array, salt: Uint8Array, cost: number): Uint8Array {
  return new Uint8Array(scryptSync(password, salt, 32, { N: 2 ** Math.min(cost, 1), r: 1, p: 1 }));
}

/** The setting "password" for a TestApp. */
export function kept(password: string): string {
  const salt = new Uint8Array(16).fill(7), bytes = new TextEncoder().encode(password);
  const hex = (part: Uint8Array) => [...part].map((b) => b.toString(16).padStart(2, "0")).join("");
  return `scrypt$15$${hex(salt)}$${hex(cheapHash(bytes, salt, 15))}`;
}

export function basic(user: string, password: string): Record<string, string> {
  return { authorization: `Basic ${btoa(`${user}:${password}`)}` };
}

export const echo: Mount = {
  path: "/api/",
  needs: "read",
  maxBody: 1000,
  types: [],
  handler: async (request, who) => {
    const text = request.method === "GET" ? "" : await request.text();
    return Response.json({ who, bytes: text.length });
  },
};
