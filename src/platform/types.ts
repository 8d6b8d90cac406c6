/**
 * The seam between shoal and the machine. Everything that is not plain computation (time, dice,
 * sockets, files, hashing, the terminal) comes through these interfaces, so that the same code runs
 * on Deno, on Bun and in the simulator, where one seed replays one world.
 */

/** Something that was scheduled and can be called off. Cancelling twice is harmless. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Monotonic milliseconds (fractions allowed) from an arbitrary start. */
  now(): number;
  /** Milliseconds since 1970 by the wall clock; may jump. */
  wallTime(): number;
  /**
   * Calls `fn` once, `delayMs` from now or later, never before. Of timers that are overdue together,
   * as after a stall, any may come first. A pending timer keeps the process alive.
   */
  after(delayMs: number, fn: () => void): Timer;
}

export interface Random {
  /** Fills `bytes` from a cryptographic source (a seeded one in the simulator). */
  fill(bytes: Uint8Array): Uint8Array;
  /** A uniform integer in [0, 2^32). */
  uint32(): number;
}

/** 20 bytes, or 32. */
export type HashAlgorithm = "sha1" | "sha256";

/**
 * The hash of the first bytes of a buffer that is being filled. Whether it is made as they come or
 * at the end, here or on a thread, is known to the platform: it depends on the processor
 * (src/DECISIONS.md 4).
 */
export interface PieceHash {
  /** The first `to` bytes are in the buffer, and will not change. */
  grew(to: number): void;
  /**
   * All bytes are there. Returns the digest where it is to be had at once, and never calls `done`;
   * else null, and the whole buffer is given away until `done` gives it back, perhaps as another
   * view. Both are null when the work was lost: the hasher was closed, or a thread died.
   */
  finish(done: (digest: Uint8Array | null, buffer: Uint8Array | null) => void): Uint8Array | null;
}

/** A run of bytes of one file, or of zeros that stand in no file (`path` null: a pad file). */
export interface FileSpan {
  path: string | null;
  offset: number;
  length: number;
}

export interface Hasher {
  /** At once, on this thread. */
  digest(algorithm: HashAlgorithm, bytes: Uint8Array): Uint8Array;
  /**
   * Zeroed memory for `begin`: shared where threads do the hashing, since handing a buffer of 1 MiB
   * over costs 0.4 ms on Deno.
   */
  allocate(length: number): Uint8Array;
  /** Of the first `length` bytes of `buffer`. One that is never finished costs nothing. */
  begin(algorithm: HashAlgorithm, buffer: Uint8Array, length: number): PieceHash;
  /** Finds out how pieces are hashed best; a few milliseconds, once. */
  calibrate(): Promise<void>;
  /** How many `hashFiles` jobs can usefully be under way at once. */
  readonly concurrency: number;
  /**
   * The hash of the concatenated spans, read off this thread where the runtime can.
   * Null when a file is missing or too short. Rejects with a FileError on a read error.
   */
  hashFiles(algorithm: HashAlgorithm, spans: readonly FileSpan[]): Promise<Uint8Array | null>;
  /** Ends the worker threads, if any were started; pending jobs reject. */
  close(): void;
}

/** Signatures of RFC 8032, at once and on this thread: about 0.1 ms each. */
export interface Ed25519 {
  /** False also for keys and signatures of a wrong length or that are no keys at all. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  /** 64 bytes. `seed` is the 32 bytes that a key pair is made from; else a RangeError. */
  sign(seed: Uint8Array, message: Uint8Array): Uint8Array;
  /** The public key, 32 bytes, that belongs to a seed. */
  publicKey(seed: Uint8Array): Uint8Array;
}

/** Both ends of an opened socket; addresses are plain text without brackets or zones. */
export interface SocketInfo {
  remoteAddress: string;
  remotePort: number;
  localAddress: string;
  localPort: number;
}

/**
 * The Web-standard face of a connection (the shape of WICG Direct Sockets). A user of the library
 * who brings a transport of their own hands in this.
 */
export interface ByteStream {
  /** A byte stream: read it with a BYOB reader. */
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  /** Settles once connected, or rejects with a NetError. */
  readonly opened: Promise<SocketInfo>;
  /** Resolves when both directions have ended; rejects with a NetError if they broke. */
  readonly closed: Promise<void>;
  close(): void;
}

/** Who gets the bytes of a socket on the synchronous path. */
export interface StreamSink {
  /** `chunk` is borrowed: its buffer is reused as soon as the call returns. */
  onData(chunk: Uint8Array): void;
  /** Called exactly once, last: null after an orderly end by the other side or by `close()`. */
  onEnd(error: Error | null): void;
}

/**
 * A built-in socket: a ByteStream with a synchronous path under it, because a promise and a fresh
 * buffer per read cost more than all the rest of a block's way (src/DECISIONS.md 3).
 * Use either `attach`+`send` or `readable`+`writable`, never both.
 */
export interface Socket extends ByteStream {
  /** Takes the synchronous path. Call it in the turn in which the socket was made or opened. */
  attach(sink: StreamSink): void;
  /**
   * Queues `bytes`, which must not change until `sent` is called. `sent` is always called exactly
   * once, never before `send` returns, also when the socket broke. Callers keep one send under way
   * at a time. True if the system has taken all of `bytes` already, so that they may change now.
   */
  send(bytes: Uint8Array, sent: () => void): boolean;
  /** Stops and restarts reading, so that TCP pushes back. At most what is in flight still comes. */
  pause(): void;
  resume(): void;
}

export interface Listener {
  readonly port: number;
  /** Stops accepting; sockets already accepted live on. */
  close(): Promise<void>;
}

export interface StreamNet {
  /** Starts to connect to an IP address (not a name). Failure shows in `opened` and `onEnd`. */
  connect(to: { address: string; port: number; timeoutMs: number }): Socket;
  /**
   * Accepts on IPv4 and IPv6 (or on `address` alone). Port 0 takes any free one. IPv4 peers of a
   * dual-stack socket show as plain IPv4. Rejects with a NetError ("address-in-use", ...).
   */
  listen(
    on: { port: number; address?: string },
    onSocket: (socket: Socket, info: SocketInfo) => void,
  ): Promise<Listener>;
  /** All addresses of a host name, in the resolver's order; a literal address gives itself. */
  lookup(host: string): Promise<string[]>;
}

export interface DatagramSocket {
  readonly port: number;
  /** Exceptions of the message handler and failed sends so far, and the last of them. */
  readonly errors: number;
  readonly lastError: Error | null;
  /** Best effort; never throws for an unreachable target. `bytes` are free again on return. */
  send(bytes: Uint8Array, address: string, port: number): void;
  close(): void;
}

export interface DatagramNet {
  /**
   * Binds UDP on "0.0.0.0" or "::" (or `address`); a family 6 socket takes no IPv4. `onMessage` gets
   * borrowed bytes; what it throws is counted in `errors` of the socket and never ends it. Of a
   * datagram of over 4 KiB only the beginning may come.
   */
  bind(
    on: { port: number; family: 4 | 6; address?: string },
    onMessage: (bytes: Uint8Array, address: string, port: number) => void,
  ): Promise<DatagramSocket>;
}

/** A place in a multicast group. */
export interface MulticastSocket {
  /** As of a DatagramSocket. */
  readonly errors: number;
  readonly lastError: Error | null;
  /** To the whole group, on every network of this machine; comes back to us, too. Best effort. */
  send(bytes: Uint8Array): void;
  close(): void;
}

export interface MulticastNet {
  /**
   * Joins a group on every network that takes part; other programs of this machine may be in it on
   * the same port. Rejects with a NetError where multicast is not to be had. `onMessage` as of
   * `DatagramNet.bind`.
   */
  join(
    group: { address: string; port: number },
    onMessage: (bytes: Uint8Array, address: string, port: number) => void,
  ): Promise<MulticastSocket>;
}

export interface HttpRequest {
  /** Default "GET". */
  method?: "GET" | "HEAD" | "POST";
  url: string;
  headers?: Record<string, string>;
  /** Sent with its length; what it is, the headers say. */
  body?: Uint8Array;
  /** The address to connect to instead of looking the host up (the Host header and TLS name stay). */
  address?: string;
  /** For the whole answer; of a stream for its head, and again for each read. */
  timeoutMs: number;
  /** Body bytes (after gzip is undone) beyond which the request fails with "too-large". */
  maxBytes: number;
  signal?: AbortSignal;
}

export interface HttpHead {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
}

export interface HttpResponse extends HttpHead {
  body: Uint8Array;
}

/** An answer whose body is read when it is wanted: what nobody reads, TCP holds up at the sender. */
export interface HttpStream extends HttpHead {
  /**
   * The next bytes of the body, at least one; null at its end. One read under way at a time. Rejects
   * with a NetError: "reset" when the body breaks off, "timeout", "aborted" by the signal, "closed".
   */
  read(): Promise<Uint8Array | null>;
  /** Ends the connection if the body has not ended. Closing twice is harmless. */
  close(): void;
}

export interface HttpServer {
  readonly port: number;
  close(): Promise<void>;
}

export interface Http {
  /** The whole answer, redirects not followed, gzip undone. Rejects with a NetError. */
  request(request: HttpRequest): Promise<HttpResponse>;
  /**
   * Resolves with the head of the answer; its reader counts the body. Nothing packed is asked for,
   * and who packs it all the same fails with "bad-response". Read it to its end, or close it.
   */
  stream(request: Omit<HttpRequest, "maxBytes">): Promise<HttpStream>;
  /** Serves on `address` (default "127.0.0.1"); port 0 takes any free one. */
  serve(
    on: { port: number; address?: string },
    handler: (
      request: Request,
      remote: { address: string; port: number },
    ) => Response | Promise<Response>,
  ): Promise<HttpServer>;
}

export interface FileStat {
  kind: "file" | "directory" | "link" | "other";
  /** Bytes. */
  size: number;
  /** Milliseconds since 1970, with what fraction the system keeps. */
  mtimeMs: number;
  /** Tells files of one disk apart; 0 where the system has no such number. */
  inode: number;
  /** Bytes really allocated, where known, else `size`. */
  allocated: number;
  /** Milliseconds since 1970 when it was made, whole; 0 where the file system does not keep that. */
  bornMs: number;
  /** The file system it lies on; 0 where the system has no such number. */
  device: number;
  /** Names that it has (hard links); 1 where the system does not count them. */
  links: number;
}

/** A mounted file system. */
export interface Disk {
  /**
   * The same text as long as it is the same file system; another one when another is mounted in its
   * place. Some network and FUSE disks get a new one with each mount.
   */
  id: string;
  /** Whether a file keeps its inode number. FAT, exFAT, FUSE and network disks may make it up. */
  keepsInodes: boolean;
}

/** Positional and atomic per call. All methods throw FileError. */
export interface FileHandle {
  /** Reads until `into` is full or the file ends; returns the bytes read. */
  readAt(into: Uint8Array, position: number): number;
  /** As readAt, off this thread: for 256 KiB and more that may come from a slow disk. */
  readAsync(into: Uint8Array, position: number): Promise<number>;
  /** Writes all of `bytes` or throws: "io" too when the disk takes nothing and reports no error. */
  writeAt(bytes: Uint8Array, position: number): void;
  /**
   * As writeAt, off this thread: for a disk that is slow. `bytes` must not change until it resolves.
   * Callers keep one write to a file under way at a time. "changed" when the file lost its name.
   */
  writeAsync(bytes: Uint8Array, position: number): Promise<void>;
  truncate(size: number): void;
  stat(): FileStat;
  /** As `stat`, off this thread: for a disk that is slow. */
  statAsync(): Promise<FileStat>;
  /** Data and size are on the disk when it resolves. */
  sync(): Promise<void>;
  close(): void;
}

export interface Files {
  /**
   * "write" creates the file when missing and allows reading; "create" as well, but throws
   * "exists" when anything has the name. A symlink as last part is refused.
   */
  open(path: string, mode: "read" | "write" | "create"): FileHandle;
  /** As `open`, off this thread: for a disk that is slow. */
  openAsync(path: string, mode: "read" | "write" | "create"): Promise<FileHandle>;
  /** Makes one folder; existing is fine if it is a real folder, a symlink there is refused. */
  makeDir(path: string): void;
  /** Of the path itself, not of what a symlink points to. Null if nothing is there. */
  stat(path: string): FileStat | null;
  /** As `stat`, off this thread: for a disk that is slow. */
  statAsync(path: string): Promise<FileStat | null>;
  /** Names in a folder, sorted. */
  list(path: string): string[];
  /**
   * A whole small file; "too-large" beyond `maxBytes`. `regularOnly`: a pipe or a device, which may
   * have no end or make us wait, is refused ("io"). Symlinks are followed.
   */
  read(path: string, maxBytes: number, how?: { regularOnly?: boolean }): Promise<Uint8Array>;
  /**
   * Replaces a file as a whole: temporary file, fsync, rename, fsync of the folder. What a crash
   * leaves of the first is called as util/temporary_name.ts has it. `ownerOnly`:
   * nobody else may read it, where the system knows such a thing.
   */
  writeWhole(path: string, bytes: Uint8Array, how?: { ownerOnly?: boolean }): Promise<void>;
  /** Takes the name of a file that stands there. "other-disk" when only a copy could do it. */
  rename(from: string, to: string): void;
  remove(path: string): void;
  /**
   * What was made, renamed and removed in a folder outlives a power cut when it resolves, as far as
   * the system can promise it; symlinks are followed. Rejects with a FileError only when there is
   * no such folder.
   */
  syncFolder(path: string): Promise<void>;
  /**
   * Copies a whole file off this thread, sharing its blocks where the disk and the runtime can.
   * The copy is not synced. "exists" when `to` is there; a symlink as last part of `from` is refused.
   */
  copy(from: string, to: string): Promise<void>;
  /**
   * Grows whenever this process has read something, of whatever file, that was on a disk and not in
   * the system's memory. Null where the system does not tell.
   */
  diskReads(): number | null;
  /** Bytes an unprivileged user may still write on the disk that holds `path`. */
  freeSpace(path: string): Promise<number>;
  /**
   * The disk that holds `path`, or its nearest parent that exists; symlinks are followed. Throws a
   * FileError when it cannot be looked at.
   */
  diskOf(path: string): Disk;
  /** The path with all symlinks followed; null where they lead to nothing. Throws a FileError. */
  realPath(path: string): string | null;
  /** Absolute form, symlinks not resolved. */
  absolute(path: string): string;
  /**
   * Takes an exclusive lock on a file, which is made when missing; null while another process, or
   * this one, holds it. The system gives it up when the process ends, however that happens.
   * Throws a FileError where the file cannot be made or its file system knows no locks.
   */
  lock(path: string): FileLock | null;
}

export interface FileLock {
  /** Gives the lock up. The file stays. Releasing twice is harmless. */
  release(): void;
}

/** The process and its terminal; only the command line uses it. */
export interface Process {
  readonly args: readonly string[];
  /** "linux", "darwin", "windows", ... */
  readonly os: string;
  /** The system's number of this process. */
  readonly pid: number;
  /** Undefined also where it may not be read. */
  env(name: string): string | undefined;
  /**
   * Text as it is, no newline added. Resolves when handed to the system, or when its reader is gone;
   * rejects with a FileError when it cannot be written (a full disk).
   */
  out(text: string): Promise<void>;
  err(text: string): Promise<void>;
  /** The terminal behind `out`: null when it is a file or pipe. */
  terminal(): { columns: number; rows: number; color: boolean } | null;
  /** The next line that is typed, without its end; null when there is none to come. */
  readLine(): Promise<string | null>;
  /** Ctrl-C, the system's request to end, and (once) the end of the terminal. */
  onInterrupt(fn: () => void): Timer;
  /** It was stopped (Ctrl-Z) and continues: others may have written to the terminal meanwhile. */
  onContinue(fn: () => void): Timer;
  /** Sets the exit code with which the process ends once nothing is left to do. */
  exitCode(code: number): void;
  /** Ends at once. Only for what cannot be ended otherwise. */
  exit(code: number): never;
  residentBytes(): number;
}

export interface Platform {
  readonly name: "deno" | "bun" | "sim";
  readonly clock: Clock;
  readonly random: Random;
  readonly hasher: Hasher;
  readonly ed25519: Ed25519;
  readonly net: StreamNet;
  readonly datagrams: DatagramNet;
  readonly multicast: MulticastNet;
  readonly http: Http;
  readonly files: Files;
  readonly process: Process;
}
