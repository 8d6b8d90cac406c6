/**
 * One UDP port for everything, the number of our TCP port if it can be had: what arrives goes to
 * the lane whose kind of packet it is. The sockets are opened at first use and closed with the
 * port. Invariant: at most one socket per address family.
 */
import type { DatagramNet, DatagramSocket } from "../platform/types.ts";
import { NetError } from "../util/errors.ts";

/** What is told apart by the first byte: KRPC dictionaries, and tracker answers as the rest. */
export type UdpLane = "krpc" | "tracker";

type OnMessage = Parameters<DatagramNet["bind"]>[1];
type Family = 4 | 6;

/** The "d" that begins a bencoded dictionary; a tracker's answer begins with 0. */
const DICTIONARY = 0x64;

export class UdpPort {
  readonly #datagrams: DatagramNet;
  readonly #sockets = new Map<Family, Promise<DatagramSocket>>();
  readonly #lanes = new Map<string, OnMessage>();
  readonly #wanted: () => { port: number; address?: string };
  #closed = false;

  /** `wanted` is asked at first use: the port that others are told, and the address to bind. */
  constructor(datagrams: DatagramNet, wanted: () => { port: number; address?: string }) {
    this.#datagrams = datagrams;
    this.#wanted = wanted;
  }

  /** The sockets as seen by one user: `bind` joins them, `close` leaves them open to the others. */
  lane(lane: UdpLane): DatagramNet {
    return {
      bind: async ({ family }, onMessage) => {
        const socket = await this.#open(family);
        const key = lane + family;
        this.#lanes.set(key, onMessage);
        return {
          port: socket.port,
          get errors() {
            return socket.errors;
          },
          get lastError() {
            return socket.lastError;
          },
          send: (bytes, address, port) => socket.send(bytes, address, port),
          close: () => this.#lanes.delete(key),
        };
      },
    };
  }

  close(): void {
    this.#closed = true;
    this.#lanes.clear();
    for (const socket of this.#sockets.values()) socket.then((open) => open.close(), () => {});
  }

  #open(family: Family): Promise<DatagramSocket> {
    if (this.#closed) return Promise.reject(new NetError("closed", "The client is closed"));
    let opening = this.#sockets.get(family);
    if (opening === undefined) {
      opening = this.#bind(family);
      this.#sockets.set(family, opening);
      // The next use tries again: the network may come back.
      opening.catch(() => this.#sockets.delete(family));
    }
    return opening;
  }

  async #bind(family: Family): Promise<DatagramSocket> {
    const { port, address } = this.#wanted();
    const onMessage: OnMessage = (bytes, from, fromPort) => {
      const lane: UdpLane = bytes[0] === DICTIONARY ? "krpc" : "tracker";
      this.#lanes.get(lane + family)?.(bytes, from, fromPort);
    };
    const sameFamily = address !== undefined && address.includes(":") === (family === 6);
    const on = { family, ...(sameFamily ? { address } : {}) };
    try {
      return await this.#datagrams.bind({ ...on, port }, onMessage);
    } catch (error) {
      // Somebody else has that number for UDP: another one serves as well.
      const taken = error instanceof NetError && error.code === "address-in-use";
      if (port === 0 || !taken) throw error;
      return await this.#datagrams.bind({ ...on, port: 0 }, onMessage);
    }
  }
}
