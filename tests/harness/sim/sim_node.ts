/** One simulated machine with a process on it: a Platform, and the controls for tests. */
import type { Prng } from "../prng.ts";
import { createEd25519 } from "../../../src/platform/shared/ed25519.ts";
import { createPasswords } from "../../../src/platform/shared/passwords.ts";
import type {
  Clock,
  Ed25519,
  Hasher,
  Http,
  Passwords,
  Platform,
  Random,
} from "../../../src/platform/types.ts";
import type { SimDisk } from "./disk.ts";
import type { SimHost } from "./host.ts";
import type { LinkConditions } from "./link.ts";
import type { Network } from "./network.ts";
import { SimDatagramNet } from "./sim_datagrams.ts";
import { SimFiles } from "./sim_files.ts";
import { SimMulticastNet } from "./sim_multicast.ts";
import { type HashWay, SimHasher } from "./sim_hasher.ts";
import { createSimHttp } from "./sim_http.ts";
import { SimPrograms } from "./sim_programs.ts";
import { type ProcessOptions, SimProcess } from "./sim_process.ts";
import { SimStreamNet } from "./sim_stream_net.ts";

/** Wall time when a world begins: 2023-11-14 22:13:20 UTC. */
const EPOCH_MS = 1_700_000_000_000;

export interface NodeOptions extends ProcessOptions {
  link?: Partial<LinkConditions>;
  /** More addresses of the machine, for instance an IPv6 one. */
  also?: readonly string[];
  /** Default "running". */
  quickestHash?: HashWay;
  /** The disk of an earlier node, or of another process on the same machine. */
  disk?: SimDisk;
}

export class SimNode implements Platform {
  readonly name = "sim";
  readonly clock: Clock;
  readonly random: Random;
  readonly hasher: Hasher;
  /** Real: it depends on nothing but its input. */
  readonly ed25519: Ed25519 = createEd25519();
  readonly passwords: Passwords;
  readonly net: SimStreamNet;
  readonly datagrams: SimDatagramNet;
  readonly multicast: SimMulticastNet;
  readonly http: Http;
  readonly files: SimFiles;
  readonly programs: SimPrograms;
  readonly process: SimProcess;
  /** The error of the wall clock, after it was set. */
  wallOffMs = 0;
  /** Minutes by which local time is ahead of UTC, at a wall-clock time. */
  utcOffsetAt: (wallTime: number) => number = () => 0;
  readonly #host: SimHost;
  readonly #network: Network;

  constructor(
    host: SimHost,
    network: Network,
    readonly disk: SimDisk,
    dice: Prng,
    names: ReadonlyMap<string, readonly string[]>,
    options: NodeOptions,
  ) {
    this.#host = host;
    this.#network = network;
    const wallTime = () => EPOCH_MS + host.now + this.wallOffMs;
    // Time passes for a process that its disk blocks, though the world stands still meanwhile.
    const now = () => host.now + disk.heldUpMs;
    const utcOffset = (at: number) => this.utcOffsetAt(at);
    this.clock = { now, wallTime, utcOffset, after: (delay, fn) => host.after(delay, fn) };
    this.random = dice;
    this.passwords = slowPasswords(host);
    this.net = new SimStreamNet(host, network, names);
    this.datagrams = new SimDatagramNet(host, network);
    this.multicast = new SimMulticastNet(host, network);
    this.http = createSimHttp(host, this.net);
    this.files = new SimFiles(disk, host, wallTime);
    this.hasher = new SimHasher(disk, host, options.quickestHash ?? "running", (path) => {
      return this.files.absolute(path);
    });
    this.programs = new SimPrograms(host);
    this.process = new SimProcess(options, () => this.kill());
  }

  /** Its first address. */
  get address(): string {
    return this.#host.name;
  }

  get alive(): boolean {
    return this.#host.alive;
  }

  /** Its line; change it at any time. */
  get link(): LinkConditions {
    return this.#host.link;
  }

  /** Connections that this node holds, dialling ones included. */
  get openSockets(): number {
    return this.#host.sockets.size;
  }

  /** For `SimWorld`: the machine behind the platform. */
  get host(): SimHost {
    return this.#host;
  }

  /** All connections break, as when a router forgets them. */
  resetConnections(): void {
    for (const socket of [...this.#host.sockets]) {
      this.#network.log.fault("reset");
      socket.breakOff();
    }
  }

  /**
   * Ends the process in the middle of its work: its timers and promises stay silent. "quietly":
   * even the other ends of its connections notice nothing, as when a cable is pulled.
   */
  kill(how: "quietly" | "with resets" = "with resets"): void {
    if (!this.#host.alive) return;
    this.#network.log.fault("node-killed");
    for (const socket of [...this.#host.sockets]) socket.vanish(how === "with resets");
    this.#host.alive = false;
    this.disk.closeAllOf(this.#host);
  }
}

/** Real hashes, which take a tenth of a second of the world's time. */
function slowPasswords(host: SimHost): Passwords {
  const { scrypt } = createPasswords();
  return {
    scrypt: async (...what) => {
      await host.sleep(100);
      return await host.hold(scrypt(...what));
    },
  };
}
