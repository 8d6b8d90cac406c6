import { createDatagramNet } from "../shared/datagrams.ts";
import { createPlatform } from "../shared/platform.ts";
import type { Platform } from "../types.ts";
import { createDenoDatagramNet } from "./datagrams.ts";
import { denoWriters } from "./file_writer.ts";
import { denoLook } from "./look.ts";
import { denoNames } from "./names.ts";
import { hostPort } from "../shared/addresses.ts";
import { Deno } from "./deno_global.ts";
import { openLibc } from "./libc.ts";

export function createDenoPlatform(): Platform {
  return createPlatform({
    name: "deno",
    writers: denoWriters,
    look: denoLook,
    names: denoNames,
    streams: { reading: "shared", demandListen },
    openLibc,
    datagrams: createDenoDatagramNet(createDatagramNet({ receiveBufferBytes: 4096 })),
  });
}

/** Asks on a terminal, as Deno does for any other permission. */
function demandListen(address: string, port: number): void {
  const host = hostPort(address, port);
  if (Deno.permissions.requestSync({ name: "net", host }).state === "granted") return;
  throw new Deno.errors.NotCapable(`Requires net access to "${host}": --allow-net`);
}
