/** Host names of trackers and of peers that trackers name, within a time limit. */
import type { Clock } from "../platform/types.ts";
import { addressFamily } from "../util/compact_address.ts";
import { NetError, TrackerError } from "../util/errors.ts";
import { canonicalIp } from "../util/ip_address.ts";

export interface ResolvePorts {
  clock: Clock;
  lookup(host: string): Promise<string[]>;
}

/** Canonical addresses in the resolver's order; one of the lists may be empty. */
export interface HostAddresses {
  4: string[];
  6: string[];
}

const LOOKUP_TIMEOUT_MS = 10_000;
const MAX_ADDRESSES = 16;

/**
 * All addresses of `host`, by family. Throws a TrackerError: "timeout" after ten seconds, "net" if
 * there are none or `signal` ends the wait.
 */
export async function resolveHost(
  ports: ResolvePorts,
  host: string,
  signal: AbortSignal,
): Promise<HostAddresses> {
  const found: HostAddresses = { 4: [], 6: [] };
  const literal = canonicalIp(host);
  const texts = literal !== null ? [literal] : await lookupWithin(ports, host, signal);
  for (const text of texts.slice(0, MAX_ADDRESSES)) {
    const address = canonicalIp(text);
    if (address !== null) found[addressFamily(address)].push(address);
  }
  if (found[4].length + found[6].length === 0) {
    throw new TrackerError("net", `The name ${host} has no address`);
  }
  return found;
}

/** A look-up cannot be cancelled, so a late one is ignored. */
function lookupWithin(ports: ResolvePorts, host: string, signal: AbortSignal): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const giveUp = (code: "timeout" | "net", message: string) => {
      settle();
      reject(new TrackerError(code, message));
    };
    const onAbort = () => giveUp("net", `The look-up of ${host} was cancelled`);
    const timer = ports.clock.after(
      LOOKUP_TIMEOUT_MS,
      () => giveUp("timeout", `The look-up of ${host} took too long`),
    );
    const settle = () => {
      timer.cancel();
      signal.removeEventListener("abort", onAbort);
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort);
    ports.lookup(host).then(resolve, (cause) => {
      reject(
        cause instanceof NetError
          ? new TrackerError("net", `Cannot find the host ${host}`, { cause })
          : cause,
      );
    }).finally(settle);
  });
}
