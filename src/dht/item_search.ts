/** Items of the DHT (BEP 44): finding one, storing one, and asking what others store (BEP 51). */
import {
  type DhtItem,
  itemOfResponse,
  itemTarget,
  type Sha1,
  type SignatureCheck,
} from "./dht_item.ts";
import { randomId } from "./dht_id.ts";
import type { Random } from "../platform/types.ts";
import type { ItemHandlers, Operation, SampleHandlers } from "./node_types.ts";
import type { Overlay } from "./overlay.ts";
import { inEach, tellNearest } from "./peer_search.ts";

/**
 * Searches for the item at `target`; `salt` is part of a mutable item's key. The search for an
 * immutable item ends with the first copy, since all copies are equal.
 */
export function findItem(
  overlays: readonly Overlay[],
  wanted: { target: Uint8Array; salt: Uint8Array; local: DhtItem | null },
  checks: { sha1: Sha1; signatures: SignatureCheck },
  handlers: ItemHandlers,
  now: number,
): Operation {
  const { target, salt } = wanted;
  let newest = -1n, found = false;
  const report = (item: DhtItem) => {
    const seq = item.signed?.seq ?? 0n;
    if (seq <= newest) return;
    newest = seq;
    found = item.signed === null;
    handlers.onItem(item);
  };
  if (wanted.local !== null) report(wanted.local);
  const operation = inEach(overlays, (overlay, done) =>
    overlay.search({
      target,
      question: (want) => ({ method: "get", target, want, seq: null }),
      answered: (response, _, at) => {
        // Verifying a signature is expensive, so items that are not newer are skipped.
        if (response.seq !== null && response.seq <= newest) return;
        const item = itemOfResponse(checks.sha1, checks.signatures, response, target, salt);
        if (item !== null) report(item);
        if (found) operation.cancel(at);
      },
      done,
    }, now), () => handlers.onDone());
  if (found) operation.cancel(now);
  return operation;
}

/** Stores `item` at the nodes nearest to its target; `onDone` gets the number that confirmed it. */
export function storeItem(
  overlays: readonly Overlay[],
  item: DhtItem,
  cas: bigint | null,
  sha1: Sha1,
  onDone: (stored: number) => void,
  now: number,
): Operation {
  const target = itemTarget(sha1, item), { value, signed } = item;
  const mutable = signed === null ? null : { ...signed, cas };
  let sum = 0;
  return inEach(overlays, (overlay, done) =>
    overlay.search({
      target,
      question: (want) => ({ method: "get", target, want, seq: null }),
      done: (lookup, at) => {
        if (lookup === null) return done();
        tellNearest(overlay, lookup, (token) => ({ method: "put", token, value, mutable }), (n) => {
          sum += n;
          done();
        }, at);
      },
    }, now), () => onDone(sum));
}

/** Asks nodes on the way to `target` (null: anywhere) for samples of the info-hashes they know. */
export function sampleInfohashes(
  overlays: readonly Overlay[],
  target: Uint8Array | null,
  random: Random,
  handlers: SampleHandlers,
  now: number,
): Operation {
  const to = target ?? randomId(random);
  return inEach(overlays, (overlay, done) =>
    overlay.search({
      target: to,
      question: (want) => ({ method: "sample_infohashes", target: to, want }),
      answered: ({ samples }, { address, port }) => {
        if (samples !== null) handlers.onSamples(samples, { address, port });
      },
      done,
    }, now), () => handlers.onDone());
}
