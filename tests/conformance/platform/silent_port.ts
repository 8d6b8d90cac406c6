/**
 * A port where connecting is neither answered nor refused: a listener whose process is stopped and
 * whose short queue is full, so that the system drops every further SYN.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { kill } from "node:process";

const DENO = join(import.meta.dirname!, "../../../node_modules/.bin/deno");
const LISTENER = `
  import { createServer } from "node:net";
  const server = createServer(() => {});
  server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
    console.log(server.address().port);
  });
`;

export class SilentPort {
  port = 0;
  #child: ChildProcess | null = null;
  #fillers: Socket[] = [];

  /** On Deno because Bun ignores `backlog`. */
  async open(): Promise<void> {
    const child = spawn(DENO, ["eval", LISTENER], { stdio: ["ignore", "pipe", "inherit"] });
    this.#child = child;
    const [line] = await once(child.stdout!, "data");
    this.port = Number(String(line));
    kill(child.pid!, "SIGSTOP");
    // A queue of 1 holds 2; the rest makes sure.
    for (let i = 0; i < 6; i++) {
      const socket = connect(this.port, "127.0.0.1");
      socket.on("error", () => {});
      this.#fillers.push(socket);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }

  async close(): Promise<void> {
    for (const socket of this.#fillers) socket.destroy();
    const child = this.#child;
    if (child === null) return;
    const gone = once(child, "exit");
    kill(child.pid!, "SIGKILL"); // child.kill() works once only on Deno
    await gone;
  }
}
