/**
 * The file system of a path. A device number is only valid until the next boot, so a file system is
 * identified by the creation time of its top folder, if it keeps that.
 */
import * as fs from "node:fs";
import { dirname, resolve } from "node:path";
import type { Disk } from "../types.ts";
import { errnoOf } from "./errno.ts";

/** Linux's numbers of file systems whose inode numbers a driver or a server invents. */
const MAKES_INODES_UP: ReadonlySet<number> = new Set([
  0x4d44, // FAT
  0x2011bab0, // exFAT
  0x65735546, // FUSE
  0x517b, // SMB
  0xfe534d42, // SMB 2
  0xff534d42, // CIFS
  0x01021997, // 9P
  0x786f4256, // shared folders of VirtualBox
]);

export function diskOf(path: string): Disk {
  const there = nearest(path);
  const { dev } = fs.statSync(there), type = typeOf(there);
  const born = Math.floor(fs.statSync(topOf(there, dev)).birthtimeMs);
  const id = born > 0 ? `${type}-born-${born}` : `${type}-device-${dev}`;
  return { id, keepsInodes: !MAKES_INODES_UP.has(type) };
}

/** 0 if Deno's sandbox does not tell. */
function typeOf(path: string): number {
  try {
    return fs.statfsSync(path).type;
  } catch (error) {
    if ((error as Error).name === "NotCapable") return 0;
    throw error;
  }
}

/** The real path of the part that exists. */
function nearest(path: string): string {
  for (let at = resolve(path);; at = dirname(at)) {
    const real = realPath(at);
    if (real !== null) return real;
  }
}

export function realPath(path: string): string | null {
  try {
    return fs.realpathSync(path);
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return null;
    throw error;
  }
}

/** The highest folder on the same device. */
function topOf(path: string, device: number): string {
  let top = path;
  for (let at = dirname(path); at !== top && fs.statSync(at).dev === device; at = dirname(at)) {
    top = at;
  }
  return top;
}
