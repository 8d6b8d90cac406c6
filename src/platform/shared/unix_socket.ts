/** Listening on a path, for this user alone. */
import { chmodSync, lstatSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { connect, type Server } from "node:net";
import { join } from "node:path";
import { netError, systemError } from "./errno.ts";

/**
 * The socket is made in a folder of its own and moved to `path` once only its owner may connect. A
 * socket that a dead process left is replaced; anything else at `path` stays, and is an error.
 * Returns what removes the socket, unless another one has taken its place. Throws a NetError.
 */
export async function listenOnPath(server: Server, path: string): Promise<() => void> {
  let folder: string | null = null;
  try {
    if (isOccupied(path) || await answers(path)) throw systemError("EADDRINUSE");
    folder = mkdtempSync(`${path}.`);
    const own = join(folder, "s");
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(own, resolve);
    });
    chmodSync(own, 0o600);
    const id = idOf(own);
    renameSync(own, path);
    return () => {
      if (idOf(path) === id) rmSync(path, { force: true });
    };
  } catch (error) {
    server.close();
    throw netError(`Cannot serve on ${path}`, error);
  } finally {
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
  }
}

/** By a file, a folder or a link. */
function isOccupied(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSocket() === false;
}

/** Null if there is nothing at the path. */
function idOf(path: string): string | null {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found === undefined ? null : `${found.dev}:${found.ino}`;
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
