/** Dialling, listening and names of one simulated host. */
import { NetError } from "../../../src/util/errors.ts";
import { parseIp } from "../../../src/util/ip_address.ts";
import { hostPort } from "../../../src/platform/shared/addresses.ts";
import { netError, systemError } from "../../../src/platform/shared/errno.ts";
import type { Listener, SocketInfo, StreamNet } from "../../../src/platform/types.ts";
import type { SimAcceptor, SimHost } from "./host.ts";
import type { Network } from "./network.ts";
import { SimSocket } from "./sim_socket.ts";

const LOOKUP_MS = 2;
const ANY_ADDRESS = ["0.0.0.0", "::"];

export class SimStreamNet implements StreamNet {
  readonly #host: SimHost;
  readonly #network: Network;
  /** Names of the whole world. */
  readonly #names: ReadonlyMap<string, readonly string[]>;

  constructor(
    host: SimHost,
    network: Network,
    names: ReadonlyMap<string, readonly string[]>,
  ) {
    this.#host = host;
    this.#network = network;
    this.#names = names;
  }

  connect(to: { address: string; port: number; timeoutMs: number }): SimSocket {
    const where = hostPort(to.address, to.port);
    const host = this.#host;
    const socket = new SimSocket(host, this.#network, `Cannot connect to ${where}`);
    const source = host.sourceFor(to.address);
    const target = this.#network.find(host, to.address);
    if (parseIp(to.address) === null) socket.fail("not an IP address");
    else if (source === null) socket.fail("EAFNOSUPPORT");
    else if (this.#network.isUnreachable(to.address)) {
      this.#network.log.fault("unreachable");
      host.after(host.link.latencyMs, () => socket.connecting && socket.fail("EHOSTUNREACH"));
    } else if (target !== null) this.#knock(socket, source, target, to);
    const timer = host.after(to.timeoutMs, () => socket.connecting && socket.fail("ETIMEDOUT"));
    const over = () => timer.cancel();
    socket.opened.then(over, over);
    return socket;
  }

  listen(
    on: { port: number; address?: string },
    onSocket: (socket: SimSocket, info: SocketInfo) => void,
  ): Promise<Listener> {
    return new Promise((resolve, reject) => {
      this.#host.after(0, () => {
        try {
          resolve(this.#bind(on, onSocket));
        } catch (error) {
          reject(netError(`Cannot listen on ${hostPort(on.address ?? "::", on.port)}`, error));
        }
      });
    });
  }

  async lookup(host: string): Promise<string[]> {
    if (parseIp(host) !== null) return [host];
    await this.#host.sleep(LOOKUP_MS);
    const found = host === "localhost" ? ["127.0.0.1", "::1"] : this.#names.get(host);
    if (found !== undefined) return [...found];
    throw new NetError("name-not-found", `Cannot look up ${host}: the name is not known`);
  }

  #bind(
    on: { port: number; address?: string },
    onSocket: (socket: SimSocket, info: SocketInfo) => void,
  ): Listener {
    const { acceptors, addresses } = this.#host;
    const address = on.address === undefined || ANY_ADDRESS.includes(on.address)
      ? null
      : on.address;
    const own = address === null || addresses.includes(address) || address.startsWith("127.") ||
      address === "::1";
    if (!own) throw systemError("EADDRNOTAVAIL");
    const port = on.port === 0 ? this.#host.freePort((each) => acceptors.has(each)) : on.port;
    if (acceptors.has(port)) throw systemError("EADDRINUSE");
    const acceptor: SimAcceptor = { address, accept: onSocket };
    acceptors.set(port, acceptor);
    return {
      port,
      close: () => {
        if (acceptors.get(port) === acceptor) acceptors.delete(port);
        return this.#host.sleep(0);
      },
    };
  }

  /** The first packet of a connection, and whether it is answered. */
  #knock(
    socket: SimSocket,
    source: string,
    target: SimHost,
    to: { address: string; port: number },
  ): void {
    const [host, network] = [this.#host, this.#network];
    network.transmit(host, target, 0, 0, () => {
      if (!socket.connecting || !target.alive || !host.alive) return;
      const { link, dice } = target;
      if (network.isCut(host, target)) return network.log.fault("connect-cut");
      if (host !== target && link.firewalled) return network.log.fault("connect-firewalled");
      if (dice.chance(link.connectDropped)) return network.log.fault("connect-dropped");
      const unlucky = dice.chance(link.connectRefused);
      if (unlucky) network.log.fault("connect-refused");
      const acceptor = target.acceptors.get(to.port);
      const open = acceptor !== undefined &&
        (acceptor.address === null || acceptor.address === to.address);
      if (unlucky || !open) {
        network.transmit(target, host, 0, 0, () => {
          if (host.alive && socket.connecting) socket.fail("ECONNREFUSED");
        });
        return;
      }
      this.#accept(socket, source, target, to, acceptor);
    });
  }

  #accept(
    dialled: SimSocket,
    source: string,
    target: SimHost,
    to: { address: string; port: number },
    acceptor: SimAcceptor,
  ): void {
    const localPort = this.#host.freePort(() => false);
    const accepted = new SimSocket(
      target,
      this.#network,
      `Connection with ${hostPort(source, localPort)}`,
    );
    const near = { localAddress: source, localPort };
    const far = { localAddress: to.address, localPort: to.port };
    dialled.join(accepted, { ...near, remoteAddress: to.address, remotePort: to.port });
    accepted.join(dialled, { ...far, remoteAddress: source, remotePort: localPort });
    accepted.openAccepted();
    this.#network.log.add(
      `${this.#network.timeline.now} connect ${this.#host.name} ${target.name} ${to.port}`,
    );
    acceptor.accept(accepted, accepted.info!);
  }
}
