/**
 * Replaces a file so that a crash at any moment leaves either the old or the new one: the bytes go
 * to a temporary file beside it, are synced, and take the name in one step. No two processes share
 * a temporary name, not even on a disk that several machines use.
 */
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { randomBytes } from "node:crypto";
import { temporaryName } from "../../util/temporary_name.ts";
import { fileError } from "./errno.ts";
import { called, NodeFileHandle, type WriterMaker } from "./file_handle.ts";

const OWN = randomBytes(6).toString("hex");
let temporaries = 0;

/** The pending write of each path: the last call determines the result. */
const underWay = new Map<string, Promise<void>>();

export async function writeWhole(
  writers: WriterMaker,
  path: string,
  bytes: Uint8Array,
  { ownerOnly = false }: { ownerOnly?: boolean } = {},
): Promise<void> {
  const before = underWay.get(path) ?? Promise.resolve();
  const own = before.catch(() => {}).then(() => replace(writers, path, bytes, ownerOnly));
  underWay.set(path, own);
  try {
    await own;
  } catch (error) {
    throw fileError("write", path, error);
  } finally {
    if (underWay.get(path) === own) underWay.delete(path);
  }
}

async function replace(
  writers: WriterMaker,
  path: string,
  bytes: Uint8Array,
  ownerOnly: boolean,
): Promise<void> {
  const temporary = join(dirname(path), temporaryName(OWN, temporaries++));
  try {
    const mode = ownerOnly ? 0o600 : 0o666;
    const fd = await called<number>((done) => fs.open(temporary, "wx", mode, done));
    const file = new NodeFileHandle(temporary, fd, writers);
    try {
      await file.writeAsync(bytes, 0);
      await file.sync();
    } finally {
      file.close();
    }
    await fs.promises.rename(temporary, path);
  } catch (error) {
    await fs.promises.rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Makes names durable. Windows cannot open folders, and some disks cannot sync them. */
export async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await fs.promises.open(path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch {
    // A rename stays valid; only its durability in a power cut is uncertain.
  }
}
