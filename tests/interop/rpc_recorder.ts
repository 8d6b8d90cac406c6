/** Stands between a client and the daemon's RPC and keeps what each request got. */

import { Buffer } from "node:buffer";
import {
  createServer,
  type IncomingMessage,
  request as send,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import type { Scene } from "./scene.ts";

export interface RpcCall {
  status: number;
  /** Empty if the body was no JSON. */
  method: string;
  arguments: Record<string, unknown>;
  /** "success" or the fault; empty if the answer was no JSON. */
  result: string;
}

export class RpcRecorder {
  readonly calls: RpcCall[] = [];
  readonly #target: number;
  readonly #server: Server;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((incoming, outgoing) => {
      const body: Uint8Array[] = [];
      incoming.on("data", (bytes: Uint8Array) => body.push(bytes));
      incoming.on("end", () => this.#pass(incoming, Buffer.concat(body), outgoing));
    });
  }

  static async start(scene: Scene, target: number): Promise<RpcRecorder> {
    const recorder = new RpcRecorder(target);
    await new Promise<void>((done) => recorder.#server.listen(0, "127.0.0.1", done));
    scene.onClose(() => {
      recorder.#server.closeAllConnections();
      recorder.#server.close();
    });
    return recorder;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The calls that failed, but for the first one of a client, which lacks the session id. */
  get failures(): RpcCall[] {
    return this.calls.filter(({ status, result }) => {
      return status !== 409 && (status !== 200 || result !== "success");
    });
  }

  /** Whether a call of this method succeeded. */
  succeeded(method: string): boolean {
    return this.calls.some((call) => call.method === method && call.result === "success");
  }

  #pass(
    { url, method, headers }: IncomingMessage,
    body: Uint8Array,
    outgoing: ServerResponse,
  ): void {
    const target = { host: "127.0.0.1", port: this.#target, path: url, method, headers };
    const passed = send(target, (answer) => {
      const parts: Uint8Array[] = [];
      outgoing.writeHead(answer.statusCode!, answer.headers);
      answer.on("data", (bytes: Uint8Array) => {
        parts.push(bytes);
        outgoing.write(bytes);
      });
      answer.on("end", () => {
        this.#keep(
          answer.statusCode!,
          body,
          Buffer.concat(parts),
          answer.headers["content-encoding"],
        );
        outgoing.end();
      });
    });
    passed.on("error", () => outgoing.destroy());
    passed.end(body);
  }

  #keep(status: number, body: Uint8Array, answer: Uint8Array, encoding: string | undefined): void {
    const asked = parsed(body);
    const told = parsed(encoding === "gzip" ? gunzipSync(answer) : answer);
    this.calls.push({
      status,
      method: String(asked.method ?? ""),
      arguments: (asked.arguments ?? {}) as Record<string, unknown>,
      result: String(told.result ?? ""),
    });
  }
}

function parsed(bytes: Uint8Array): Record<string, unknown> {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return {};
  }
}
