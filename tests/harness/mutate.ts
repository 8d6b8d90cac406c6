/** Seeded damage to valid messages, for tests with hostile bytes. */
import type { Prng } from "./prng.ts";
import { concatBytes, fromLatin1, toLatin1 } from "../../src/util/bytes.ts";

/** Text that is difficult for bencode readers. */
const PIECES = ["i-0e", "i99999999999999999999e", "le", "de", "0:", "4294967296:", "e", "d", "l"]
  .concat("2:id", "1:t", "5:nodes", "20:", "99:", "i18446744073709551615e").map(fromLatin1);

/** Valid values of the wrong kind or length for nearly every field. */
const VALUES = ["i0e", "i1e", "i-1e", "i70000e", "le", "de", "l2:n4i7ee", "0:", "1:x", "6:abcdef"]
  .concat(`19:${"x".repeat(19)}`, `20:${"y".repeat(20)}`, `64:${"z".repeat(64)}`).map(fromLatin1);

/** One to four changes of `bytes`: strings, bits, digits, cuts, insertions and repetitions. */
export function mutate(bytes: Uint8Array, dice: Prng): Uint8Array {
  let result: Uint8Array = bytes.slice();
  for (let changes = 1 + dice.below(4); changes > 0 && result.length > 0; changes--) {
    result = change(result, dice);
  }
  return result;
}

function change(bytes: Uint8Array, dice: Prng): Uint8Array {
  const at = dice.below(bytes.length), to = at + dice.below(bytes.length - at + 1);
  switch (dice.below(12)) {
    case 0:
      bytes[at]! ^= 1 << dice.below(8);
      return bytes;
    case 1:
      bytes[at] = 0x30 + dice.below(10);
      return bytes;
    case 2:
      return concatBytes(bytes.subarray(0, at), bytes.subarray(to));
    case 3:
      return concatBytes(bytes.subarray(0, to), bytes.subarray(at));
    case 4:
      return concatBytes(bytes.subarray(0, at), dice.pick(PIECES), bytes.subarray(at));
    case 5:
      return concatBytes(bytes.subarray(0, at), dice.pick(PIECES), bytes.subarray(to));
    default:
      return replaceString(bytes, dice);
  }
}

/** Another valid value in the place of a string: the message stays valid bencoding. */
function replaceString(bytes: Uint8Array, dice: Prng): Uint8Array {
  const heads = [...toLatin1(bytes).matchAll(/\d+:/g)];
  if (heads.length === 0) return bytes;
  const head = dice.pick(heads), end = head.index + head[0].length + parseInt(head[0]);
  return concatBytes(bytes.subarray(0, head.index), dice.pick(VALUES), bytes.subarray(end));
}
