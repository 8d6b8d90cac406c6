import { createDatagramNet } from "../shared/datagrams.ts";
import { createPlatform } from "../shared/platform.ts";
import type { Platform } from "../types.ts";
import { createDenoDatagramNet } from "./datagrams.ts";
import { openDenoWriter } from "./file_writer.ts";
import { serve } from "./serve.ts";

export function createDenoPlatform(): Platform {
  return createPlatform({
    name: "deno",
    serve,
    openWriter: openDenoWriter,
    rewrapAccepted: true,
    datagrams: createDenoDatagramNet(createDatagramNet({ receiveBufferBytes: 4096 })),
  });
}
