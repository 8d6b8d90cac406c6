/** One process of the machine: a client that is started, killed and started again. */
import { Client } from "../../../src/client/client.ts";
import type { SimNode } from "../../../tests/harness/sim/sim_node.ts";
import { ShoalError } from "../../../src/util/errors.ts";
import type { Copy } from "./copy.ts";
import type { Home } from "./home.ts";

const PORT = 6881;

export class OwnProcess {
  readonly copies: Copy[] = [];
  client: Client | null = null;
  startedMs = 0;
  readonly #home: Home;
  #node: SimNode;
  #starts = 0;

  constructor(home: Home, readonly name: string, readonly address: string) {
    this.#home = home;
    this.#node = this.#newNode();
  }

  get node(): SimNode {
    return this.#node;
  }

  get alive(): boolean {
    return this.client !== null && this.#node.alive;
  }

  #newNode(): SimNode {
    const { world, disk } = this.#home;
    const link = { upBytesPerSec: 200 * 1024, latencyMs: 10 };
    this.#starts++;
    return world.node(this.address, { disk, link, pid: this.#home.newPid() });
  }

  /** With the same command as ever, or as a daemon that restores what it had. */
  async start(how: "adds" | "restores" = "adds"): Promise<void> {
    if (this.alive) return;
    if (this.#starts > 1 || !this.#node.alive) this.#node = this.#newNode();
    const { world, stateDir } = this.#home;
    const client = await this.#typed(
      Client.open(this.#node, { port: PORT, dht: false, lsd: false, stateDir }),
    );
    if (client === null) return this.#node.kill("quietly");
    this.client = client;
    this.startedMs = world.now;
    void this.#listen(client);
    if (how === "restores") await world.wait(client.restore());
    for (const copy of this.copies) this.#add(copy, client);
  }

  /** Null when it is refused in words for a person. */
  async #typed<T>(work: Promise<T>): Promise<T | null> {
    const outcome = work.catch((error: unknown) => {
      if (error instanceof ShoalError) return null;
      throw error;
    });
    return await this.#home.world.wait(outcome);
  }

  #add(copy: Copy, client: Client): void {
    copy.refusal = copy.torrent = copy.begunMs = null;
    const known = client.torrents().find(({ infoHash }) => infoHash === copy.title.hex);
    try {
      copy.torrent = known ?? client.add(copy.title.torrent.bytes, copy.options);
    } catch (error) {
      if (!(error instanceof ShoalError)) throw error;
      copy.refusal = { code: error.code, message: error.message };
    }
  }

  async #listen(client: Client): Promise<void> {
    for await (const event of client.events()) {
      if (client !== this.client) continue;
      this.#home.world.log(`${this.name} ${JSON.stringify(event)}`);
      const copy = this.copies.find(({ title }) => title.hex === event.infoHash);
      this.#home.attempt(() => copy?.heard(event));
    }
  }

  /** kill -9. */
  kill(): void {
    if (!this.alive) return;
    this.#node.kill("quietly");
    this.#ended();
  }

  async shutDown(): Promise<void> {
    if (!this.alive) return;
    await this.#home.world.wait(this.client!.close());
    this.#node.kill("quietly");
    this.#ended();
  }

  #ended(): void {
    this.client = null;
    for (const copy of this.copies) copy.torrent = null;
  }
}
