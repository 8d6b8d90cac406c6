/** Look-ups of names, so many at once: each may occupy a thread for as long as no name server answers. */
import { promises as dns } from "node:dns";
import { availableParallelism } from "node:os";
import { isIP } from "node:net";
import { netError } from "./errno.ts";

export type Lookup = (host: string) => Promise<string[]>;

/** Bun has one thread a core, two at least, for look-ups and files together: half are for files. */
export function halfOfThreads(): number {
  return Math.max(1, Math.floor(availableParallelism() / 2));
}

/** Lets `atOnce` look-ups run; the others wait, in order. An IP address needs no look-up. */
export function createLookup(atOnce: number, lookup: Lookup = systemLookup): Lookup {
  const waiting: (() => void)[] = [];
  let free = atOnce;
  return async (host) => {
    if (isIP(host) !== 0) return [host];
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await lookup(host);
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}

async function systemLookup(host: string): Promise<string[]> {
  try {
    const found = await dns.lookup(host, { all: true, verbatim: true });
    return found.map(({ address }) => address);
  } catch (error) {
    throw netError(`Cannot look up ${host}`, error);
  }
}
