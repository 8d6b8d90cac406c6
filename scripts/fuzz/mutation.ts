/** Damage to inputs: blind changes, words and numbers that decoders stumble over, and crossings. */
import { concatBytes, fromLatin1 } from "../../src/util/bytes.ts";
import type { Prng } from "../../tests/harness/prng.ts";
import { mutate } from "../../tests/harness/mutate.ts";

/** Keys and values of our formats: nothing finds them by chance. */
const WORDS = [
  ...["4:info", "6:length", "4:name", "12:piece length", "6:pieces", "5:files", "4:path", "4:attr"],
  ...[
    "9:file tree",
    "12:meta version",
    "8:announce",
    "13:announce-list",
    "8:url-list",
    "7:private",
  ],
  ...["1:m", "11:ut_metadata", "6:ut_pex", "11:lt_donthave", "13:metadata_size", "4:reqq", "1:v"],
  ...["8:msg_type", "5:piece", "10:total_size", "5:added", "7:added.f", "6:added6", "7:dropped"],
  ...["1:y1:q", "1:y1:r", "1:y1:e", "1:t", "1:q", "1:a", "1:r", "1:e", "2:id", "6:target", "2:ro"],
  ...["9:info_hash", "5:token", "4:port", "12:implied_port", "5:nodes", "6:nodes6", "6:values"],
  ...[
    "4:want",
    "4:seed",
    "6:scrape",
    "4:BFsd",
    "4:BFpe",
    "3:seq",
    "3:cas",
    "4:salt",
    "3:sig",
    "1:k",
  ],
  ...["7:samples", "3:num", "8:interval", "12:min interval", "14:failure reason", "8:retry in"],
  ...["5:peers", "6:peers6", "8:complete", "10:incomplete", "10:tracker id", "2:ip", "7:peer id"],
  ...["i0e", "i-1e", "i2147483648e", "i4294967296e", "i9007199254740993e", "de", "le", "0:"],
  ...[
    "magnet:?",
    "xt=urn:btih:",
    "&tr=",
    "&x.pe=",
    "&so=0-",
    "&dn=",
    "%00",
    "%",
    "udp://",
    "[::]:1",
  ],
].map(fromLatin1);
const NUMBERS = [0, 1, 5, 13, 19, 20, 0x7f, 0x80, 0xff, 0x3fff, 0x4000, 0x4001, 0xffff, 0x1_0000]
  .concat(0xf_ffff, 0x10_0000, 0x10_0001, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff);

/** `other`: another input that is known to be of interest. */
export function damage(input: Uint8Array, other: Uint8Array, dice: Prng): Uint8Array {
  const luck = dice.below(10);
  if (luck < 6) return mutate(input, dice);
  if (luck === 6) return cross(input, other, dice);
  if (luck === 7) return insert(input, dice.pick(WORDS), dice);
  if (luck === 8) return number(input, dice);
  return mutate(insert(number(input, dice), dice.pick(WORDS), dice), dice);
}

/** The same for a list of events: each byte is one, or an argument of one. */
export function damageEvents(input: Uint8Array, other: Uint8Array, dice: Prng): Uint8Array {
  let events: Uint8Array = input.slice();
  for (let changes = 1 + dice.below(4); changes > 0; changes--) {
    const from = dice.below(events.length + 1), to = from + dice.below(events.length - from + 1);
    const luck = dice.below(8);
    if (luck < 3 && events.length > 0) events[dice.below(events.length)] = dice.below(256);
    else if (luck === 3) events = concatBytes(events.subarray(0, from), events.subarray(to));
    else if (luck === 4) events = cross(events, other, dice);
    else if (luck === 5) events = insert(events, events.slice(from, Math.min(to, from + 40)), dice);
    else events = insert(events, dice.fill(new Uint8Array(1 + dice.below(12))), dice);
  }
  return events;
}

function cross(a: Uint8Array, b: Uint8Array, dice: Prng): Uint8Array {
  return concatBytes(a.subarray(0, dice.below(a.length + 1)), b.subarray(dice.below(b.length + 1)));
}

function insert(bytes: Uint8Array, word: Uint8Array, dice: Prng): Uint8Array {
  const at = dice.below(bytes.length + 1);
  const until = dice.chance(0.5) ? at : Math.min(bytes.length, at + word.length);
  return concatBytes(bytes.subarray(0, at), word, bytes.subarray(until));
}

/** One of the numbers, in 1, 2 or 4 bytes, where something else was. */
function number(bytes: Uint8Array, dice: Prng): Uint8Array {
  const value = dice.pick(NUMBERS), size = 1 << dice.below(3), result = bytes.slice();
  if (result.length < size) return result;
  const at = dice.below(result.length - size + 1);
  for (let i = 0; i < size; i++) result[at + i] = value >>> (8 * (size - 1 - i));
  return result;
}
