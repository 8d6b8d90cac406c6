/**
 * A node that spoils searches. One kind tells of made-up nodes next to the target, at addresses
 * where nobody is; the other kind of its friends under ids next to the target, which these then
 * answer under. Neither knows any peers. To everything else it behaves like any node.
 */
import type { PeerAddress } from "../../src/util/compact_address.ts";
import { randomIdAt } from "../../src/dht/dht_id.ts";
import { decodeKrpc, encodeResponse, type NodeEntry } from "../../src/dht/krpc.ts";
import { toHex } from "../../src/util/bytes.ts";
import type { Prng } from "../harness/prng.ts";

interface Citizen {
  readonly at: PeerAddress;
  readonly liar: Liar | null;
}

/** Bits that a made-up id shares with the target: some lie where nobody honest does. */
const SHARED_BITS = { least: 8, most: 60 };

export class Liar {
  lies = 0;
  readonly #dice: Prng;
  readonly #citizens: readonly Citizen[];
  readonly #inventsAddresses: boolean;
  /** Ids it has to answer under, by the target they were made for. */
  readonly #roles = new Map<string, Uint8Array>();

  constructor(dice: Prng, citizens: readonly Citizen[]) {
    this.#dice = dice;
    this.#citizens = citizens;
    this.#inventsAddresses = dice.chance(0.5);
  }

  /** Null for what it handles like any other. */
  answerTo(bytes: Uint8Array): Uint8Array | null {
    const message = decodeKrpc(bytes);
    if (message.kind !== "query" || message.method !== "get_peers") return null;
    this.lies++;
    const { t, target } = message;
    const id = this.#roles.get(toHex(target)) ?? randomIdAt(target, 2, this.#dice);
    const nodes = Array.from({ length: 8 }, () => this.#invent(target));
    return encodeResponse({ t, id, nodes, token: this.#dice.fill(new Uint8Array(8)) });
  }

  /** From now on it answers under `id` to whoever asks for `target`. */
  play(target: Uint8Array, id: Uint8Array): void {
    this.#roles.set(toHex(target), id);
  }

  #invent(target: Uint8Array): NodeEntry {
    const { least, most } = SHARED_BITS;
    const id = randomIdAt(target, least + this.#dice.below(most - least), this.#dice);
    if (this.#inventsAddresses) {
      const address = `${1 + this.#dice.below(9)}.${this.#dice.below(256)}.0.1`;
      return { id, address, port: 6881 };
    }
    const friends = this.#citizens.filter((one) => one.liar !== null);
    const friend = this.#dice.pick(friends);
    friend.liar!.play(target, id);
    return { id, ...friend.at };
  }
}
