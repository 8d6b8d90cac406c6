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
  readonly #open = new Map<Family, DatagramSocket>();
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
        await this.#socket(family);
        const key = lane + family, socket = () => this.#open.get(family)!;
        this.#lanes.set(key, onMessage);
        return {
          get port() {
            return socket().port;
          },
          get errors() {
            return socket().errors;
          },
          get lastError() {
            return socket().lastError;
          },
          send: (bytes, address, port) => socket().send(bytes, address, port),
          close: () => this.#lanes.delete(key),
        };
      },
    };
  }

  /** To the port that is wanted now; a socket that cannot move stays where it is. */
  async move(): Promise<void> {
    for (const [family, before] of this.#open) {
      const { port } = this.#wanted();
      if (port === 0 || before.port === port) continue;
      try {
        await this.#bindTo(family, port);
        before.close();
      } catch (error) {
        if (!(error instanceof NetError)) throw error;
      }
    }
  }

  close(): void {
    this.#closed = true;
    this.#lanes.clear();
    for (const [family, opening] of this.#sockets) {
      opening.then(() => this.#open.get(family)!.close(), () => {});
    }
  }

  #socket(family: Family): Promise<DatagramSocket> {
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
    const { port } = this.#wanted();
    try {
      return await this.#bindTo(family, port);
    } catch (error) {
      // Another program has that number for UDP: any other one will do.
      const taken = error instanceof NetError && error.code === "address-in-use";
      if (port === 0 || !taken) throw error;
      return await this.#bindTo(family, 0);
    }
  }

  async #bindTo(family: Family, port: number): Promise<DatagramSocket> {
    const { address } = this.#wanted();
    const onMessage: OnMessage = (bytes, from, fromPort) => {
      const lane: UdpLane = bytes[0] === DICTIONARY ? "krpc" : "tracker";
      this.#lanes.get(lane + family)?.(bytes, from, fromPort);
    };
    const sameFamily = address !== undefined && address.includes(":") === (family === 6);
    const on = { family, ...(sameFamily ? { address } : {}) };
    const socket = await this.#datagrams.bind({ ...on, port }, onMessage);
    this.#open.set(family, socket);
    return socket;
  }
}
