/** A real exFAT disk through FUSE, on a loop file, if root, FUSE and the programs are available. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface ExfatDisk {
  /** Where it is mounted, below a temporary folder `top` of another disk. */
  readonly dir: string;
  readonly top: string;
  /** Why it could not be mounted; null if it is. */
  readonly missing: string | null;
  remount(): void;
  /** Unmounts and removes everything. */
  close(): void;
}

const BYTES = 64 * 1024 * 1024;

export function mountExfat(): ExfatDisk {
  const top = mkdtempSync(join(tmpdir(), "shoal exfat ")), dir = join(top, "disk");
  let loop: string | null = null, missing: string | null = null;
  try {
    if (!existsSync("/dev/fuse")) throw new Error("no FUSE");
    loop = makeDisk(join(top, "image"));
    mkdirSync(dir);
    run("mount.exfat-fuse", loop, dir);
  } catch {
    if (loop !== null) run("losetup", "-d", loop);
    loop = null;
    missing = "no root, /dev/fuse, mkfs.exfat or exfat-fuse here";
  }
  return {
    dir,
    top,
    missing,
    remount() {
      run("umount", dir);
      run("mount.exfat-fuse", loop!, dir);
    },
    close() {
      try {
        if (loop !== null) unmount(dir, loop);
      } finally {
        rmSync(top, { recursive: true, force: true });
      }
    },
  };
}

function unmount(dir: string, loop: string): void {
  try {
    run("umount", dir);
  } catch {
    run("umount", "-l", dir); // a test that failed may have files open
  }
  run("losetup", "-d", loop);
}

/** The loop device. */
function makeDisk(image: string): string {
  writeFileSync(image, "");
  truncateSync(image, BYTES);
  run("mkfs.exfat", image);
  return run("losetup", "-f", "--show", image).trim();
}

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}
