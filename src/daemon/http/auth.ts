/** Who calls, by socket, token, name and password, cookie, or a trusted proxy's word. */
import type { Clock } from "../../platform/types.ts";
import { fromBase64 } from "../../util/base64.ts";
import { isLoopback, parseIp } from "../../util/ip_address.ts";
import { ShoalError } from "../../util/errors.ts";
import { BackOff } from "./back_off.ts";
import { PasswordCheck, type PasswordPorts } from "./password.ts";
import { refusal } from "./replies.ts";
import { Sessions } from "./sessions.ts";
import { hashOfToken, isToken, type KeptToken } from "./tokens.ts";
import type { Caller, Visit } from "./types.ts";

/** Settings of the daemon. */
export interface AuthSettings {
  /** "ADDRESS:PORT", or "" for none. */
  readonly listen: string;
  readonly user: string;
  /** As `hashPassword` makes it; "" for none. */
  readonly password: string;
  readonly tokens: readonly KeptToken[];
  readonly trustedProxy?: { readonly address: string; readonly header: string } | undefined;
}

export interface AuthPorts extends PasswordPorts {
  readonly clock: Clock;
  settings(): AuthSettings;
}

/** The daemon would let anybody in who can reach it. */
export class OpenDaemonError extends ShoalError {
  readonly code = "open-daemon";
}

/** Throws an OpenDaemonError for an address that others can reach, without a password or a token. */
export function refuseOpenDaemon({ listen, password, tokens, trustedProxy }: AuthSettings): void {
  const host = listen.replace(/:\d+$/, "").replace(/^\[|\]$/g, ""), address = parseIp(host);
  const isHere = listen === "" || host === "localhost" || address !== null && isLoopback(address);
  if (isHere || password !== "" || tokens.length > 0 || trustedProxy !== undefined) return;
  throw new OpenDaemonError(
    `Others could use the daemon at ${listen} without a password. Set one with ` +
      '"shoal config password", or listen on 127.0.0.1',
  );
}

const OWNER: Caller = { kind: "user", may: "all" };

export class Auth {
  readonly #ports: AuthPorts;
  readonly #password: PasswordCheck;
  readonly sessions: Sessions;
  readonly #backOff = new BackOff();

  constructor(ports: AuthPorts) {
    this.#ports = ports;
    this.#password = new PasswordCheck(ports);
    this.sessions = new Sessions(ports.random, ports.hasher);
  }

  /** The caller, or 401, 429 or 503. */
  async identify(request: Request, visit: Visit): Promise<Caller | Response> {
    if (visit.isUnix) return { kind: "unix", may: "all" };
    const settings = this.#ports.settings(), { password } = settings;
    const given = request.headers.get("authorization") ?? "";
    const [, scheme = "", credentials = ""] = /^(\S+)\s+(\S+)\s*$/.exec(given) ?? [];
    if (/^bearer$/i.test(scheme)) return this.#byToken(credentials, settings);
    const basic = /^basic$/i.test(scheme) ? basicOf(credentials) : null;
    if (basic !== null && isToken(basic.password)) return this.#byToken(basic.password, settings);
    if (basic !== null && password !== "") return await this.signIn(basic, visit) ?? OWNER;
    if (password !== "" && this.sessions.has(request, password, this.#ports.clock.now())) {
      return OWNER;
    }
    if (isProxied(request, visit, settings)) return OWNER;
    return isOpen(request, visit, settings) ? { kind: "open", may: "all" } : unknown();
  }

  /** Null if name and password are right, else 401, 429 or 503. Only wrong ones are slowed down. */
  async signIn(given: Credentials, { address }: Visit): Promise<Response | null> {
    const { clock, settings } = this.#ports, { user, password } = settings();
    if (password === "") return refusal(409, "no-password", "The daemon has no password");
    const isUser = given.user === user;
    if (isUser && this.#password.isKnown(given.password, password)) return null;
    const waitMs = this.#backOff.waitMs(address, clock.now());
    if (waitMs > 0) return later(waitMs);
    const verdict = await this.#password.check(given.password, password);
    if (verdict === "busy") return refusal(503, "busy", "Too many passwords are being checked");
    if (verdict === "right" && isUser) {
      this.#backOff.right(address);
      return null;
    }
    this.#backOff.wrong(address, clock.now());
    return unknown("The name or the password is wrong");
  }

  /** Addresses that have sent wrong passwords. */
  get suspects(): number {
    return this.#backOff.size;
  }

  #byToken(text: string, { tokens }: AuthSettings): Caller | Response {
    const hash = hashOfToken(this.#ports.hasher, text);
    const token = tokens.find((each) => each.hash === hash);
    return token ? { kind: "token", may: token.may } : unknown("The token is not known");
  }
}

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

function basicOf(credentials: string): Credentials | null {
  const bytes = fromBase64(credentials);
  if (bytes === null) return null;
  const text = new TextDecoder().decode(bytes), colon = text.indexOf(":");
  return colon < 0 ? null : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

function isProxied(
  { headers }: Request,
  { address }: Visit,
  { trustedProxy }: AuthSettings,
): boolean {
  return trustedProxy !== undefined && address === trustedProxy.address &&
    (headers.get(trustedProxy.header) ?? "") !== "";
}

/** Without a password, this machine may do everything, but not those whom a proxy lets through. */
function isOpen(
  { headers }: Request,
  { address }: Visit,
  { password, trustedProxy }: AuthSettings,
): boolean {
  const bytes = parseIp(address);
  const isForwarded = headers.has("x-forwarded-for") || headers.has("forwarded") ||
    trustedProxy?.address === address;
  return password === "" && bytes !== null && isLoopback(bytes) && !isForwarded;
}

function unknown(message = "Sign in with a password or a token"): Response {
  return refusal(401, "not-signed-in", message);
}

function later(waitMs: number): Response {
  const seconds = Math.ceil(waitMs / 1000);
  return refusal(429, "too-many-attempts", `Too many wrong passwords: wait ${seconds} s`, {
    headers: { "retry-after": String(seconds) },
  });
}
