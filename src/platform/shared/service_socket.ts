/**
 * A datagram to a Unix socket, as a service manager expects it. Neither runtime has such sockets, but
 * both can call the C library.
 */
import process from "node:process";

/** The few functions of the C library, as both runtimes bind them. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  sendto(
    fd: number,
    bytes: Uint8Array,
    length: number,
    flags: number,
    address: Uint8Array,
    addressLength: number,
  ): number | bigint;
  close(fd: number): number;
}

/** Throws if there is no library of this name. */
export type OpenLibc = (name: string) => Libc;

// Numbers of Linux.
const AF_UNIX = 1, SOCK_DGRAM_CLOEXEC = 2 | 0o2000000, MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000;
const MAX_PATH_BYTES = 107;
/** glibc, then musl. */
const NAMES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

/** Returns whether the system took the text. `path` may begin with "@": an abstract name. */
export function serviceSocket(open: OpenLibc): (path: string, text: string) => boolean {
  let libc: Libc | null | undefined;
  return (path, text) => {
    if (process.platform !== "linux") return false;
    libc ??= firstOf(open);
    const address = addressOf(path);
    return libc !== null && address !== null && sent(libc, address, text);
  };
}

function sent(libc: Libc, address: Uint8Array, text: string): boolean {
  const fd = libc.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) return false;
  const bytes = new TextEncoder().encode(text);
  const flags = MSG_DONTWAIT_NOSIGNAL;
  const count = libc.sendto(fd, bytes, bytes.length, flags, address, address.length);
  libc.close(fd);
  return Number(count) === bytes.length;
}

/** `struct sockaddr_un`; null for a path that does not fit in. */
function addressOf(path: string): Uint8Array | null {
  const name = new TextEncoder().encode(path), isAbstract = path.startsWith("@");
  if (name.length === 0 || name.length > MAX_PATH_BYTES) return null;
  const address = new Uint8Array(2 + name.length + (isAbstract ? 0 : 1));
  new Uint16Array(address.buffer, 0, 1)[0] = AF_UNIX;
  address.set(name, 2);
  if (isAbstract) address[2] = 0;
  return address;
}

function firstOf(open: OpenLibc): Libc | null {
  for (const name of NAMES) {
    try {
      return open(name);
    } catch {
      // Another C library, or Deno's sandbox.
    }
  }
  return null;
}
