/** What every case of the platform suite gets, and small helpers that the cases share. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { NetError } from "../../../src/util/errors.ts";
import type { Platform, Socket, StreamSink } from "../../../src/platform/types.ts";

export interface UnderTest {
  /** Two ends of a network: one and the same on a real machine, two nodes in the simulator. */
  here: Platform;
  there: Platform;
  /** Addresses of `there` as seen from `here`. */
  address: string;
  address6: string;
  /** The addresses that `there` sees `here` come from. */
  ownAddress: string;
  ownAddress6: string;
  /** Where `there` must listen for HTTP so that `here` can reach it. */
  serveOn: string;
  /** An empty folder of `here`. */
  dir: string;
  /** Plants a symbolic link in `here`. */
  link(path: string, target: string): void;
  /** Gives a file of `here` a second name. */
  hardLink(from: string, to: string): void;
  /**
   * A program of `here`. "tell" prints its environment and last argument, and ends with 3; "stay" runs
   * until it is told to end.
   */
  program(which: "tell" | "stay"): readonly string[];
  /** A place of `there` where connecting is neither answered nor refused. */
  silent(): Promise<{ address: string; port: number }>;
  /** Lets `work` run to its end: in the simulator that moves the time. */
  run<T>(work: Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface Suite {
  name: string;
  make(): Promise<UnderTest>;
  /** Case titles that do not apply, each with its reason. */
  skip: Readonly<Record<string, string>>;
}

export type AddCase = (
  title: string,
  body: (t: UnderTest) => Promise<void>,
  timeout?: number,
) => void;

/** Turns cases into tests, each with a fresh platform. */
export function caseAdder(suite: Suite): AddCase {
  return (title, body, timeout = 20_000) => {
    const skip = suite.skip[title] ?? false;
    test(`${suite.name}: ${title}`, { timeout, skip }, async () => {
      const t = await suite.make();
      try {
        await t.run(body(t));
      } finally {
        await t.close();
      }
    });
  };
}

/** Keeps everything that comes, and promises the end. */
export class Collector implements StreamSink {
  readonly ended: Promise<Error | null>;
  endings = 0;
  /** Calls of `onData` so far. */
  chunks = 0;
  length = 0;
  #parts: Uint8Array[] = [];
  #resolve!: (error: Error | null) => void;
  #waiting: { length: number; resolve: () => void }[] = [];

  constructor(readonly onChunk: (chunk: Uint8Array) => void = () => {}) {
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  onData(chunk: Uint8Array): void {
    assert.equal(this.endings, 0, "onEnd is last");
    assert.equal(Object.getPrototypeOf(chunk), Uint8Array.prototype, "a plain Uint8Array");
    this.chunks++;
    this.length += chunk.length;
    this.#parts.push(chunk.slice());
    this.onChunk(chunk);
    for (const each of this.#waiting) if (this.length >= each.length) each.resolve();
  }

  onEnd(error: Error | null): void {
    this.endings++;
    this.#resolve(error);
  }

  /** Resolves once that many bytes have come in all. */
  async received(length: number): Promise<void> {
    if (this.length >= length) return;
    await new Promise<void>((resolve) => this.#waiting.push({ length, resolve }));
  }

  bytes(): Uint8Array {
    const all = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
}

export function send(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => socket.send(bytes, resolve));
}

export function sleep(platform: Platform, ms: number): Promise<void> {
  return new Promise((resolve) => void platform.clock.after(ms, resolve));
}

/** Bytes that differ by `seed` and position, so that a mix-up shows. */
export function pattern(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8) * 7 + seed * 101) & 0xff;
  return bytes;
}

export function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Rejects with an error of ours that carries one of these codes and a message for a person. */
export async function rejectsWith(
  promise: Promise<unknown>,
  ...codes: string[]
): Promise<NetError> {
  let failure: unknown = null;
  await promise.then(() => {}, (error) => {
    failure = error;
  });
  return expectCode(failure, ...codes);
}

export function throwsWith(what: () => unknown, ...codes: string[]): NetError {
  let failure: unknown = null;
  try {
    what();
  } catch (error) {
    failure = error;
  }
  return expectCode(failure, ...codes);
}

function expectCode(failure: unknown, ...codes: string[]): NetError {
  assert.ok(failure instanceof Error, `an error with ${codes.join(" or ")} was expected`);
  const { code, message } = failure as NetError;
  assert.ok(codes.includes(code), `${code} instead of ${codes.join(" or ")}: ${message}`);
  assert.match(message, /^(Cannot|Connection)/);
  return failure as NetError;
}
