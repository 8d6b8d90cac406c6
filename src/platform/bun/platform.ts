import { createDatagramNet } from "../shared/datagrams.ts";
import { nodeWriters } from "../shared/file_handle.ts";
import { nodeLook, nodeNames } from "../shared/files.ts";
import { halfOfThreads } from "../shared/lookups.ts";
import { createPlatform } from "../shared/platform.ts";
import type { Platform } from "../types.ts";
import { openLibc } from "./libc.ts";

export function createBunPlatform(): Platform {
  return createPlatform({
    name: "bun",
    writers: nodeWriters,
    look: nodeLook,
    names: nodeNames,
    streams: { reading: "freed", lookupsAtOnce: halfOfThreads() },
    openLibc,
    datagrams: createDatagramNet({ receiveBufferBytes: 4 * 1024 * 1024 }),
  });
}
