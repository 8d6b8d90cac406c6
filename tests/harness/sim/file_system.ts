/** The differences between file systems: names, clocks, numbers and links. */

export interface FileSystem {
  readonly name: string;
  /** The form in which a new name is stored; absent: as given. */
  readonly spell?: (name: string) => string;
  /** Names with the same key are one name; absent: every spelling is a separate name. */
  readonly key?: (path: string) => string;
  /** The system's error code for a new name that it refuses, else null. */
  readonly refuses?: (name: string) => string | null;
  /** File times are whole multiples of this. */
  readonly timeStepMs: number;
  /**
   * How long a file keeps its number: always, while the disk stays mounted, or only until its last
   * handle is closed (as with FUSE drivers that invent numbers).
   */
  readonly inodes: "kept" | "per mount" | "per handle";
  readonly hardLinks: boolean;
  /** Whether it keeps the creation time of a file. */
  readonly births: boolean;
}

/** Characters that Windows refuses in names. */
const DOS_REFUSES = /["*:<>?\\|]|[^\P{Cc}\x7f]/u;

function refusesDos(name: string): string | null {
  return DOS_REFUSES.test(name) ? "EINVAL" : null;
}

const lower = (path: string) => path.toLowerCase();
const composed = (path: string) => path.normalize("NFC");
const decomposed = (path: string) => path.normalize("NFD");

export const FILE_SYSTEMS = {
  ext4: { name: "ext4", timeStepMs: 1, inodes: "kept", hardLinks: true, births: true },
  /** Of a USB stick: folds case, refuses Windows' characters, drops dots at the end. */
  vfat: {
    name: "vfat",
    spell: (name) => name.replace(/[. ]+$/, "") || name,
    key: lower,
    refuses: refusesDos,
    timeStepMs: 2000,
    inodes: "per mount",
    hardLinks: false,
    births: true,
  },
  /** Through FUSE: a file's number changes whenever the system forgets the file. */
  exfat: {
    name: "exfat",
    key: lower,
    refuses: refusesDos,
    timeStepMs: 2000,
    inodes: "per handle",
    hardLinks: false,
    births: false,
  },
  ntfs: {
    name: "ntfs",
    key: lower,
    refuses: refusesDos,
    timeStepMs: 1,
    inodes: "kept",
    hardLinks: true,
    births: true,
  },
  /** Finds a name in any case and Unicode form, and keeps it as given. */
  apfs: {
    name: "apfs",
    key: (path) => lower(composed(path)),
    timeStepMs: 1,
    inodes: "kept",
    hardLinks: true,
    births: true,
  },
  /** Keeps names decomposed. */
  hfs: {
    name: "hfs",
    spell: decomposed,
    key: (path) => lower(decomposed(path)),
    timeStepMs: 1000,
    inodes: "kept",
    hardLinks: true,
    births: true,
  },
  /** A network share that composes names and accepts only 143 bytes, like eCryptfs. */
  share: {
    name: "share",
    spell: composed,
    key: composed,
    refuses: (name) => byteLength(name) > 143 ? "ENAMETOOLONG" : null,
    timeStepMs: 1000,
    inodes: "per mount",
    hardLinks: false,
    births: false,
  },
} satisfies Record<string, FileSystem>;

const encoder = new TextEncoder();

export function byteLength(name: string): number {
  return encoder.encode(name).length;
}
