/** Browsers that have signed in, by the hash of their cookie. */
import type { Hasher, Random } from "../../platform/types.ts";
import { toHex } from "../../util/bytes.ts";

const LIFE_MS = 30 * 24 * 3600_000;
const MOST = 100;
const NAME = "shoal_session";

interface Session {
  readonly until: number;
  /** The kept hash of the password with which it began. */
  readonly password: string;
}

export class Sessions {
  readonly #random: Random;
  readonly #hasher: Pick<Hasher, "digest">;
  /** The oldest first. */
  readonly #sessions = new Map<string, Session>();

  constructor(random: Random, hasher: Pick<Hasher, "digest">) {
    this.#random = random;
    this.#hasher = hasher;
  }

  /** The value of Set-Cookie. `isSecure`: the browser came by HTTPS. */
  begin(password: string, now: number, isSecure: boolean): string {
    const secret = toHex(this.#random.fill(new Uint8Array(32)));
    this.#sessions.set(this.#key(secret), { until: now + LIFE_MS, password });
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > MOST) this.#sessions.delete(oldest!);
    const life = Math.round(LIFE_MS / 1000);
    const secure = isSecure ? "; Secure" : "";
    return `${NAME}=${secret}; Path=/; Max-Age=${life}; HttpOnly; SameSite=Strict${secure}`;
  }

  /** Sessions end with the password under which they began. */
  has(request: Request, password: string, now: number): boolean {
    const secret = cookieOf(request), session = secret && this.#sessions.get(this.#key(secret));
    return !!session && session.until > now && session.password === password;
  }

  /** The value of Set-Cookie that removes the cookie. */
  end(request: Request): string {
    const secret = cookieOf(request);
    if (secret !== null) this.#sessions.delete(this.#key(secret));
    return `${NAME}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict`;
  }

  #key(secret: string): string {
    return toHex(this.#hasher.digest("sha256", new TextEncoder().encode(secret)));
  }
}

function cookieOf({ headers }: Request): string | null {
  const cookies = headers.get("cookie") ?? "";
  return new RegExp(`(?:^|;\\s*)${NAME}=([0-9a-f]{64})(?:;|$)`).exec(cookies)?.[1] ?? null;
}
