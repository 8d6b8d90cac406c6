/** A real daemon in a process of its own, steered by its Transmission RPC, and killed with -9. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import process from "node:process";
import { projectRoot, thisRuntime } from "../lib/runtimes.ts";

export interface RpcTorrent {
  readonly hashString: string;
  readonly labels: readonly string[];
  readonly uploadLimit: number;
  readonly percentDone: number;
  readonly downloadedEver: number;
  readonly uploadedEver: number;
  readonly error: number;
  readonly errorString: string;
}

const FIELDS = [
  "hashString",
  "labels",
  "uploadLimit",
  "percentDone",
  "downloadedEver",
  "uploadedEver",
  "error",
  "errorString",
];
const START_LIMIT_MS = 60_000;

export class RpcDaemon {
  readonly #child: ChildProcess;
  readonly #url: string;
  readonly #exited: Promise<unknown>;
  #session = "";
  #log = "";
  #isGone = false;

  constructor(stateDir: string, dir: string, port: number) {
    const mod = join(projectRoot, "mod.ts"), config = join(projectRoot, "deno.json");
    const start = thisRuntime === "deno"
      ? ["run", "-A", "--no-check", "--config", config, mod]
      : [mod];
    const flags = ["--listen", `127.0.0.1:${port}`, "--unix", "", "--address", "127.0.0.1"];
    const args = [
      "daemon",
      "--state-dir",
      stateDir,
      "--dir",
      dir,
      "--no-dht",
      "--no-lsd",
      ...flags,
    ];
    const home = { HOME: stateDir, XDG_CONFIG_HOME: "" };
    this.#child = spawn(process.execPath, [...start, ...args, "--seed-goal", "forever"], {
      env: { ...process.env, ...home },
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#url = `http://127.0.0.1:${port}/transmission/rpc`;
    this.#child.stderr!.on("data", (chunk) => this.#log += String(chunk));
    this.#exited = once(this.#child, "exit").then(() => this.#isGone = true);
  }

  /** Resolves once it answers. */
  async answers(): Promise<void> {
    const deadline = performance.now() + START_LIMIT_MS;
    for (;;) {
      try {
        return void await this.call("session-get", {});
      } catch (error) {
        if (this.#isGone || performance.now() > deadline) {
          throw new Error(`the daemon does not answer: ${(error as Error).message}\n${this.#log}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    }
  }

  async torrents(): Promise<RpcTorrent[]> {
    const { torrents } = await this.call("torrent-get", { fields: FIELDS });
    return torrents as RpcTorrent[];
  }

  /** The arguments of the answer. */
  async call(method: string, args: object): Promise<Record<string, unknown>> {
    for (let attempt = 0;; attempt++) {
      const response = await fetch(this.#url, {
        method: "POST",
        headers: { "x-transmission-session-id": this.#session, "content-type": "application/json" },
        body: JSON.stringify({ method, arguments: args }),
      });
      const text = await response.text();
      if (response.status === 409 && attempt === 0) {
        this.#session = response.headers.get("x-transmission-session-id")!;
        continue;
      }
      const answer = response.status === 200 ? JSON.parse(text) : { result: text };
      if (answer.result !== "success") throw new Error(`${method}: ${answer.result}`);
      return answer.arguments;
    }
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exited;
  }

  /** SIGTERM; resolves to the milliseconds that it took. */
  async end(): Promise<number> {
    const begun = performance.now();
    this.#child.kill("SIGTERM");
    await this.#exited;
    return performance.now() - begun;
  }
}
