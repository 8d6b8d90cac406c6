/** The parts of a daemon that are reached by HTTP. */
import type { DaemonParts } from "../daemon.ts";
import { startApi } from "../api/api.ts";
import { startMetrics } from "../metrics/start.ts";
import { startPage } from "../page/start.ts";
import { startRpc } from "../rpc/part.ts";
import { startStream } from "../stream/part.ts";
import type { Auth } from "./auth.ts";
import type { Roots } from "../roots.ts";
import type { Mount } from "./types.ts";

export interface HttpParts extends DaemonParts {
  readonly auth: Auth;
  readonly roots: Roots;
}

export interface HttpPart {
  readonly mounts: readonly Mount[];
  /** Ends what it does beside answering. */
  close(): void | Promise<void>;
}

/** If it rejects, the daemon does not start. */
export type StartHttpPart = (parts: HttpParts) => HttpPart | Promise<HttpPart>;

/** All of them. */
const PARTS: readonly StartHttpPart[] = [startApi, startRpc, startMetrics, startStream, startPage];

export async function startParts(
  parts: HttpParts,
  starts: readonly StartHttpPart[] = PARTS,
): Promise<HttpPart[]> {
  const started: HttpPart[] = [];
  try {
    for (const start of starts) started.push(await start(parts));
  } catch (error) {
    for (const part of started) await part.close();
    throw error;
  }
  return started;
}
