/** Files over node:fs: positional, synchronous where a call costs microseconds. */
import * as fs from "node:fs";
import { dirname, resolve } from "node:path";
import process from "node:process";
import { FileError } from "../../util/errors.ts";
import type { Files, FileStat } from "../types.ts";
import { errnoOf, fileError, systemError } from "./errno.ts";
import { called, NodeFileHandle, toFileStat, type WriterMaker } from "./file_handle.ts";
import { diskOf, realPath } from "./disk_of.ts";
import { lock } from "./file_lock.ts";
import { syncFolder, writeWhole } from "./write_whole.ts";

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL } = fs.constants;
/** Not on Windows, where `open` checks first. */
const O_NOFOLLOW = fs.constants.O_NOFOLLOW ?? 0;
/** Opening a planted pipe would wait for its other end. */
const O_NONBLOCK = fs.constants.O_NONBLOCK ?? 0;

const READ_STEP_BYTES = 65536;

/**
 * The entry with this name, links not followed; null if there is none. Throws as the runtime does.
 */
export type Look = (path: string) => FileStat | null;

export const nodeLook: Look = (path) => {
  const found = fs.lstatSync(path, { throwIfNoEntry: false });
  return found === undefined ? null : toFileStat(found);
};

/** The names in a folder, in any order. Rejects as the runtime does. */
export type ListNames = (path: string) => Promise<string[]>;

export const nodeNames: ListNames = (path) => fs.promises.readdir(path);

export function createFiles(writers: WriterMaker, look: Look, names: ListNames): Files {
  const handleOf = (path: string, mode: OpenMode, fd: number) => {
    return new NodeFileHandle(path, fd, mode === "read" ? undefined : writers);
  };
  return {
    open: (path, mode) => attempt("open", path, () => handleOf(path, mode, openFd(path, mode))),
    openAsync: (path, mode) => {
      return attemptAsync("open", path, async () => {
        return handleOf(path, mode, await openFdAsync(path, mode));
      });
    },
    makeDir,
    stat: (path) => stat(path, look),
    statAsync,
    list: (path) => attempt("list", path, () => fs.readdirSync(path).sort()),
    listAsync: (path) => attemptAsync("list", path, async () => (await names(path)).sort()),
    read,
    writeWhole: (path, bytes, how) => writeWhole(writers, path, bytes, how),
    rename: (from, to) => attempt("rename", from, () => fs.renameSync(from, to)),
    remove: (path) => attempt("remove", path, () => removeAny(path)),
    syncFolder: async (path) => {
      attempt("sync", path, () => {
        if (!fs.statSync(path).isDirectory()) throw systemError("ENOTDIR");
      });
      await syncFolder(path);
    },
    copy,
    freeSpace,
    // On other systems the count is of something else, or always 0.
    diskReads: () => process.platform === "linux" ? process.resourceUsage().fsRead : null,
    openLimit,
    diskOf: (path) => attempt("look at the disk of", path, () => diskOf(path)),
    realPath: (path) => attempt("follow the links of", path, () => realPath(path)),
    absolute: (path) => resolve(path),
    lock,
  };
}

function attempt<T>(action: string, path: string, what: () => T): T {
  try {
    return what();
  } catch (error) {
    throw fileError(action, path, error);
  }
}

async function attemptAsync<T>(action: string, path: string, what: () => Promise<T>): Promise<T> {
  try {
    return await what();
  } catch (error) {
    throw fileError(action, path, error);
  }
}

/**
 * Linux only: both runtimes raise the limit to its maximum at their start, without reporting it.
 */
function openLimit(): number | null {
  if (process.platform !== "linux") return null;
  try {
    const limits = fs.readFileSync("/proc/self/limits", "utf8");
    const [, soft] = /^Max open files\s+(\d+)/m.exec(limits) ?? [];
    return soft === undefined ? null : Number(soft);
  } catch {
    return null; // a sandbox forbids it
  }
}

type OpenMode = Parameters<Files["open"]>[1];

const FLAGS: Record<OpenMode, number> = {
  read: O_RDONLY | O_NOFOLLOW | O_NONBLOCK,
  write: O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK,
  create: O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_NONBLOCK,
};

function openFd(path: string, mode: OpenMode): number {
  if (O_NOFOLLOW === 0) refuseLink(fs.lstatSync(path, { throwIfNoEntry: false }));
  const open = () => fs.openSync(path, FLAGS[mode], 0o666);
  const fd = mode === "read" ? open() : tellingNames(path, open);
  try {
    demandFile(fs.fstatSync(fd));
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
  return fd;
}

async function openFdAsync(path: string, mode: OpenMode): Promise<number> {
  if (O_NOFOLLOW === 0) refuseLink(await fs.promises.lstat(path).catch(() => undefined));
  const opening = called<number>((done) => fs.open(path, FLAGS[mode], 0o666, done));
  const fd = await opening.catch((error) => {
    return mode === "read" ? Promise.reject(error) : tellingNames<number>(path, () => {
      throw error;
    });
  });
  try {
    demandFile(await called<fs.Stats>((done) => fs.fstat(fd, done)));
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
  return fd;
}

function refuseLink(there: fs.Stats | undefined): void {
  if (there?.isSymbolicLink()) throw systemError("ELOOP");
}

function demandFile(stats: fs.Stats): void {
  const { kind } = toFileStat(stats);
  if (kind === "directory") throw systemError("EISDIR");
  if (kind !== "file") throw new Error("the path is a device or a pipe, not a file");
}

/**
 * Creating an entry can fail with several codes if the disk refuses its name: exFAT reports "not
 * found" although the folder exists.
 */
function tellingNames<T>(path: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    const errno = errnoOf(error);
    const isName = errno === "EINVAL" ||
      (errno === "ENOENT" && fs.lstatSync(dirname(path), { throwIfNoEntry: false })?.isDirectory());
    throw isName ? Object.assign(systemError("EILSEQ"), { cause: error }) : error;
  }
}

function makeDir(path: string): void {
  attempt("make the folder", path, () => {
    try {
      tellingNames(path, () => fs.mkdirSync(path));
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw error;
      const there = fs.lstatSync(path);
      if (there.isDirectory()) return;
      throw systemError(there.isSymbolicLink() ? "ELOOP" : "ENOTDIR");
    }
  });
}

function stat(path: string, look: Look): FileStat | null {
  return attempt("look at", path, () => {
    try {
      return look(path);
    } catch (error) {
      // A file is in the place of a folder, or the name is too long for any file.
      if (["ENOTDIR", "ENAMETOOLONG"].includes(errnoOf(error))) return null;
      throw error;
    }
  });
}

function statAsync(path: string): Promise<FileStat | null> {
  return attemptAsync("look at", path, async () => {
    try {
      return toFileStat(await fs.promises.lstat(path));
    } catch (error) {
      if (["ENOENT", "ENOTDIR"].includes(errnoOf(error))) return null;
      throw error;
    }
  });
}

function removeAny(path: string): void {
  if (fs.lstatSync(path).isDirectory()) fs.rmdirSync(path);
  else fs.unlinkSync(path);
}

/**
 * Follows symlinks and reads pipes: the path is the user's own, not a torrent's. Thousands of files are
 * read at the start of a client, and a call to a thread costs more than a small file, so only opening
 * and reading, which wait for a disk, are done there.
 */
async function read(
  path: string,
  maxBytes: number,
  { regularOnly = false }: { regularOnly?: boolean } = {},
): Promise<Uint8Array> {
  return await attemptAsync("read", path, async () => {
    const flags = regularOnly ? O_RDONLY | O_NONBLOCK : O_RDONLY;
    const fd = await called<number>((done) => fs.open(path, flags, done));
    try {
      const stats = fs.fstatSync(fd);
      if (regularOnly) demandFile(stats);
      if (stats.size > maxBytes) throw tooLarge(path, maxBytes);
      return await readAll(fd, stats, path, maxBytes);
    } finally {
      fs.closeSync(fd);
    }
  });
}

async function readAll(
  fd: number,
  stats: fs.Stats,
  path: string,
  maxBytes: number,
): Promise<Uint8Array> {
  const { size } = stats, isFile = stats.isFile();
  // Only a size of 0 is unreliable: pipes have it, and files that the system generates on reading.
  const expected = size > 0 ? size : Math.min(maxBytes, READ_STEP_BYTES);
  // One more byte, to see the end of the file in the same step.
  let bytes = new Uint8Array(expected + 1), length = 0;
  for (;;) {
    const into = bytes.subarray(length);
    const count = await called<number>((done) => fs.read(fd, into, 0, into.length, null, done));
    length += count;
    if (length > maxBytes) throw tooLarge(path, maxBytes);
    if (count === 0 || (isFile && length === size)) return bytes.slice(0, length);
    if (length === bytes.length) {
      const larger = new Uint8Array(Math.min(maxBytes, length * 2) + 1);
      larger.set(bytes);
      bytes = larger;
    }
  }
}

/** Deno has no flags but leaves copying to the system, which shares blocks by itself. */
async function copy(from: string, to: string): Promise<void> {
  const { COPYFILE_EXCL, COPYFILE_FICLONE } = fs.constants;
  try {
    if (fs.lstatSync(from).isSymbolicLink()) throw systemError("ELOOP");
    // Deno's error for it has no code, so it is checked before as well.
    if (fs.lstatSync(to, { throwIfNoEntry: false })) throw systemError("EEXIST");
    await fs.promises.copyFile(from, to, COPYFILE_EXCL | COPYFILE_FICLONE);
  } catch (error) {
    throw fileError("copy", errnoOf(error) === "EEXIST" ? to : from, error);
  }
}

function tooLarge(path: string, maxBytes: number): FileError {
  return new FileError(
    "too-large",
    path,
    `Cannot read ${path}: the file is larger than ${maxBytes} bytes`,
  );
}

async function freeSpace(path: string): Promise<number> {
  // The folder of a download may not exist yet: its nearest parent is on the same disk.
  for (let at = resolve(path);; at = dirname(at)) {
    try {
      const { bavail, bsize } = await fs.promises.statfs(at);
      return bavail * bsize;
    } catch (error) {
      if (errnoOf(error) !== "ENOENT" || dirname(at) === at) {
        throw fileError("ask for the free space of", path, error);
      }
    }
  }
}
