import type { Libc } from "../shared/service_socket.ts";
import { Deno } from "./deno_global.ts";

export function openLibc(name: string): Libc {
  const { symbols } = Deno.dlopen(name, {
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
    close: { parameters: ["i32"], result: "i32" },
  });
  return symbols as unknown as Libc;
}
