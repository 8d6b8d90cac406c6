/**
 * The session id that a client has to repeat with each request, so that no page of another origin can
 * send one (CSRF). It changes every hour; clients fetch the new one from the 409.
 */
import type { Clock, Random } from "../../platform/types.ts";

const LIFETIME_MS = 3_600_000;
const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LENGTH = 48;

export class SessionId {
  readonly #clock: Clock;
  readonly #random: Random;
  #text: string;
  #madeAt: number;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
    this.#madeAt = clock.now();
    this.#text = randomText(random);
  }

  get text(): string {
    const now = this.#clock.now();
    if (now - this.#madeAt >= LIFETIME_MS) {
      this.#text = randomText(this.#random);
      this.#madeAt = now;
    }
    return this.#text;
  }
}

function randomText(random: Random): string {
  return Array.from({ length: LENGTH }, () => LETTERS[random.uint32() % LETTERS.length]).join("");
}
