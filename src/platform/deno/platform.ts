import { createPlatform } from "../shared/platform.ts";
import type { Platform } from "../types.ts";
import { serve } from "./serve.ts";

export function createDenoPlatform(): Platform {
  return createPlatform({
    name: "deno",
    serve,
    rewrapAccepted: true,
    receiveBufferBytes: 4096,
  });
}
