/** The few members of Deno that are used here, so that Deno's types are not needed. */

export interface NetAddr {
  readonly hostname: string;
  readonly port: number;
}

export interface DatagramConn {
  readonly addr: unknown;
  send(bytes: Uint8Array, to: NetAddr & { transport: "udp" }): Promise<number>;
  receive(into: Uint8Array): Promise<[bytes: Uint8Array, from: unknown]>;
  close(): void;
}

export interface FileInfo {
  readonly dev: number;
  readonly ino: number | null;
}

export interface FullFileInfo extends FileInfo {
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  readonly isSymlink: boolean;
  readonly size: number;
  readonly mtime: Date | null;
  readonly birthtime: Date | null;
  readonly blocks: number | null;
  readonly nlink: number | null;
}

export interface FsFile {
  seekSync(position: number, whence: 0): number;
  seek(position: number, whence: 0): Promise<number>;
  writeSync(bytes: Uint8Array): number;
  write(bytes: Uint8Array): Promise<number>;
  statSync(): FileInfo;
  stat(): Promise<FileInfo>;
  close(): void;
}

interface DenoGlobal {
  /** Unstable: it may be missing. */
  readonly listenDatagram?: (on: NetAddr & { transport: "udp" }) => DatagramConn;
  dlopen(
    name: string,
    symbols: Readonly<Record<string, { parameters: readonly string[]; result: string }>>,
  ): { symbols: unknown };
  readDir(path: string): AsyncIterable<{ readonly name: string }>;
  lstatSync(path: string): FullFileInfo;
  openSync(path: string, options: { write: true }): FsFile;
  open(path: string, options: { write: true }): Promise<FsFile>;
  readonly permissions: { requestSync(what: { name: "net"; host: string }): { state: string } };
  readonly errors: Record<"NotCapable" | "NotFound", new (message: string) => Error>;
}

/** Undefined on Bun, where this file is loaded and not used. */
export const Deno: DenoGlobal = (globalThis as unknown as { Deno: DenoGlobal }).Deno;
