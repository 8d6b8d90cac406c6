import process from "node:process";
import type { Libc } from "../shared/service_socket.ts";

interface BunFfi {
  dlopen(
    name: string,
    symbols: Readonly<Record<string, { args: readonly string[]; returns: string }>>,
  ): { symbols: unknown };
}

export function openLibc(name: string): Libc {
  // Not imported: the bundle for both runtimes must not name a module that Deno lacks.
  const ffi = process.getBuiltinModule("bun:ffi") as unknown as BunFfi;
  const { symbols } = ffi.dlopen(name, {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    sendto: { args: ["i32", "ptr", "usize", "i32", "ptr", "u32"], returns: "i64" },
    close: { args: ["i32"], returns: "i32" },
  });
  return symbols as Libc;
}
