/**
 * Multicast over node:dgram, which shares a port with other programs on both runtimes (Bun's own
 * sockets do not). One socket receives; one for each network sends, since a socket sends on one
 * network only.
 */
import { createSocket, type Socket as NodeSocket } from "node:dgram";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { NetError } from "../../util/errors.ts";
import type { MulticastNet, MulticastSocket } from "../types.ts";
import { hostPort, plainAddress } from "./addresses.ts";
import { netError } from "./errno.ts";

/** Machines with containers can have hundreds. */
const MAX_INTERFACES = 16;
/** The most routers on the way; the groups' scope ends at the site. */
const TIME_TO_LIVE = 4;

type Group = { address: string; port: number };
type OnMessage = Parameters<MulticastNet["join"]>[1];

export function createMulticastNet(): MulticastNet {
  return {
    async join(group, onMessage) {
      const interfaces = interfacesFor(group.address);
      const ear = await openSocket(group.address, group.port);
      const joined = interfaces.filter((each) => joins(ear, group, each));
      if (joined.length === 0 && !joins(ear, group, undefined)) {
        ear.close();
        throw new NetError(
          "unreachable",
          `Cannot join ${group.address}: no network of this machine supports multicast`,
        );
      }
      const voices: NodeSocket[] = [];
      for (const each of joined.length > 0 ? joined : [undefined]) {
        const voice = await openVoice(group.address, each);
        if (voice !== null) voices.push(voice);
      }
      return new GroupSocket(group, ear, voices, onMessage);
    },
  };
}

class GroupSocket implements MulticastSocket {
  errors = 0;
  lastError: Error | null = null;
  readonly #group: Group;
  readonly #ear: NodeSocket;
  readonly #voices: readonly NodeSocket[];
  #closed = false;

  constructor(
    group: Group,
    ear: NodeSocket,
    voices: readonly NodeSocket[],
    onMessage: OnMessage,
  ) {
    this.#group = group;
    this.#ear = ear;
    this.#voices = voices;
    for (const socket of [ear, ...voices]) socket.on("error", (error) => this.#count(error));
    ear.on("message", (bytes, from) => {
      if (this.#closed) return;
      try {
        const chunk = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
        onMessage(chunk, plainAddress(from.address), from.port);
      } catch (error) {
        this.#count(error);
      }
    });
  }

  send(bytes: Uint8Array): void {
    if (this.#closed) return;
    const copy = bytes.slice(), { address, port } = this.#group;
    for (const voice of this.#voices) {
      try {
        voice.send(copy, port, address, (error) => {
          if (error) this.#count(error);
        });
      } catch (error) {
        this.#count(error);
      }
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const socket of [this.#ear, ...this.#voices]) socket.close();
  }

  #count(error: unknown): void {
    this.errors++;
    this.lastError = error instanceof Error ? error : new Error(String(error));
  }
}

/**
 * One of our addresses on each network (IPv4), or "::%name" (IPv6), as node:dgram expects them;
 * empty if Deno's sandbox does not tell them: then the system chooses one.
 */
function interfacesFor(group: string): string[] {
  const names = new Set<string>();
  for (const [name, addresses] of Object.entries(ownInterfaces())) {
    for (const { address } of addresses ?? []) {
      if (isIP(address) !== isIP(group)) continue;
      names.add(isIP(group) === 4 ? address : `::%${name}`);
    }
  }
  return [...names].slice(0, MAX_INTERFACES);
}

function ownInterfaces(): ReturnType<typeof networkInterfaces> {
  try {
    return networkInterfaces();
  } catch {
    return {};
  }
}

/** False if the network does not support multicast. */
function joins(socket: NodeSocket, group: Group, on: string | undefined): boolean {
  try {
    socket.addMembership(group.address, on);
    return true;
  } catch {
    return false;
  }
}

function openSocket(group: string, port: number): Promise<NodeSocket> {
  return new Promise((resolve, reject) => {
    const address = isIP(group) === 4 ? "0.0.0.0" : "::";
    const socket = isIP(group) === 4
      ? createSocket({ type: "udp4", reuseAddr: true })
      : createSocket({ type: "udp6", reuseAddr: true, ipv6Only: true });
    socket.once("error", (error) => {
      try {
        socket.close();
      } catch {
        // It never opened.
      }
      reject(netError(`Cannot listen on UDP ${hostPort(address, port)}`, error));
    });
    socket.bind(port, address, () => {
      socket.removeAllListeners("error");
      resolve(socket);
    });
  });
}

/** Null if nothing can be sent on that network. */
async function openVoice(group: string, on: string | undefined): Promise<NodeSocket | null> {
  const voice = await openSocket(group, 0).catch(() => null);
  if (voice === null) return null;
  try {
    if (on !== undefined) voice.setMulticastInterface(on);
    voice.setMulticastTTL(TIME_TO_LIVE);
    voice.setMulticastLoopback(true);
    return voice;
  } catch {
    voice.close();
    return null;
  }
}
