/**
 * Nearly everything uses the same `node:` modules on both runtimes, as the conformance suite
 * proves.
 */
import type { DatagramNet, Platform } from "../types.ts";
import { createClock } from "./clock.ts";
import { createEd25519 } from "./ed25519.ts";
import type { WriterMaker } from "./file_handle.ts";
import { createFiles, type ListNames, type Look } from "./files.ts";
import { gzip } from "./gzip.ts";
import { createHasher } from "./hasher.ts";
import { createHttpClient } from "./http_client.ts";
import { serve } from "./http_server.ts";
import { createMulticastNet } from "./multicast.ts";
import { nodeExchange } from "./node_line.ts";
import { createPasswords } from "./passwords.ts";
import { createPrograms } from "./programs.ts";
import { createProcess } from "./process.ts";
import { createRandom } from "./random.ts";
import type { OpenLibc } from "./service_socket.ts";
import { createStreamNet, type StreamNetOptions } from "./tcp.ts";

/** The differences between the runtimes. */
export interface RuntimeParts {
  name: "deno" | "bun";
  writers: WriterMaker;
  look: Look;
  names: ListNames;
  streams: StreamNetOptions;
  datagrams: DatagramNet;
  openLibc: OpenLibc;
}

export function createPlatform(parts: RuntimeParts): Platform {
  const clock = createClock();
  const client = createHttpClient({ after: clock.after, start: nodeExchange });
  return {
    name: parts.name,
    clock,
    random: createRandom(),
    hasher: createHasher(),
    ed25519: createEd25519(),
    passwords: createPasswords(),
    net: createStreamNet(parts.streams),
    datagrams: parts.datagrams,
    multicast: createMulticastNet(),
    http: { ...client, serve, gzip },
    files: createFiles(parts.writers, parts.look, parts.names),
    programs: createPrograms(),
    process: createProcess(parts.openLibc),
  };
}
