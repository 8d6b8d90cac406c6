/**
 * The seam between shoal and the machine. Everything that is not plain computation (time, random
 * numbers, sockets, files, hashing, the terminal) comes through these interfaces. So the same code
 * runs on Deno, on Bun and in the simulator, where a seed always replays the same world.
 */

/** Something scheduled that can be cancelled. Cancelling twice is harmless. */
export interface Timer {
  /** Has no effect after the timer has fired. */
  cancel(): void;
}

/** Time, real or simulated. */
export interface Clock {
  /** Monotonic milliseconds (fractions allowed) from an arbitrary start. */
  now(): number;
  /** Milliseconds since 1970 by the wall clock; may jump. */
  wallTime(): number;
  /** Minutes by which local time is ahead of UTC at this wall-clock time, in milliseconds. */
  utcOffset(wallTime: number): number;
  /**
   * Calls `fn` once, `delayMs` from now or later, never earlier. Timers that are overdue together, as
   * after a stall, fire in any order. A pending timer keeps the process alive.
   */
  after(delayMs: number, fn: () => void): Timer;
}

/** Random numbers, real or seeded. */
export interface Random {
  /** Fills `bytes` from a cryptographic source (a seeded one in the simulator). */
  fill(bytes: Uint8Array): Uint8Array;
  /** A uniform integer in [0, 2^32). */
  uint32(): number;
}

/** SHA-1 has 20 bytes, SHA-256 has 32. */
export type HashAlgorithm = "sha1" | "sha256";

/**
 * The hash of the first bytes of a buffer that is being filled. The platform decides whether to compute
 * it as the bytes arrive or at the end, on this thread or another: that depends on the processor
 * (src/DECISIONS.md 4).
 */
export interface PieceHash {
  /** The first `to` bytes are in the buffer, and will not change. */
  grew(to: number): void;
  /**
   * All bytes are in the buffer. Returns the digest if it is available at once, and never calls
   * `done`; otherwise returns null, and the buffer belongs to the hasher until `done` returns it,
   * perhaps as another view. Both are null if the work was lost: the hasher was closed, or a thread
   * died.
   */
  finish(done: (digest: Uint8Array | null, buffer: Uint8Array | null) => void): Uint8Array | null;
}

/** A run of bytes of one file, or of zeros that are in no file (`path` null: a pad file). */
export interface FileSpan {
  /** Absolute path; null for zeros (padding). */
  path: string | null;
  /** First byte. */
  offset: number;
  /** Number of bytes. */
  length: number;
}

/** Computes hashes, on threads where that is faster. */
export interface Hasher {
  /** Computes a hash synchronously, on this thread. */
  digest(algorithm: HashAlgorithm, bytes: Uint8Array): Uint8Array;
  /**
   * Zeroed memory for `begin`: shared memory where threads do the hashing, because transferring a
   * buffer of 1 MiB costs 0.4 ms on Deno.
   */
  allocate(length: number): Uint8Array;
  /** Starts a hash of the first `length` bytes of `buffer`. An unfinished hash costs nothing. */
  begin(algorithm: HashAlgorithm, buffer: Uint8Array, length: number): PieceHash;
  /** Measures the fastest way to hash pieces; takes a few milliseconds, once. */
  calibrate(): Promise<void>;
  /** The number of `hashFiles` jobs that can usefully run at once. */
  readonly concurrency: number;
  /**
   * The hash of the concatenated spans, read off this thread where the runtime can.
   * Null when a file is missing or too short. Rejects with a FileError on a read error.
   */
  hashFiles(algorithm: HashAlgorithm, spans: readonly FileSpan[]): Promise<Uint8Array | null>;
  /** Ends the worker threads if there are any; pending jobs reject. */
  close(): void;
}

/** Hashes of passwords (RFC 7914): slow and in much memory on purpose, so that guessing is, too. */
export interface Passwords {
  /**
   * 32 bytes by N = 2^`cost`, r = 8, p = 1, computed off this thread. Takes 2^(`cost`+10) bytes of
   * memory: keep one in progress at a time. Rejects with a RangeError for a cost outside 1 to 20.
   */
  scrypt(password: Uint8Array, salt: Uint8Array, cost: number): Promise<Uint8Array>;
}

/** Signatures of RFC 8032, computed on this thread: about 0.1 ms each. */
export interface Ed25519 {
  /** False also for invalid keys, and for keys and signatures of a wrong length. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  /** 64 bytes. `seed` is the 32 bytes from which a key pair is made; otherwise throws a RangeError. */
  sign(seed: Uint8Array, message: Uint8Array): Uint8Array;
  /** The public key, 32 bytes, that belongs to a seed. */
  publicKey(seed: Uint8Array): Uint8Array;
}

/** Both ends of an opened socket; addresses are plain text without brackets or zones. */
export interface SocketInfo {
  /** Address of the other side. */
  remoteAddress: string;
  /** Port of the other side. */
  remotePort: number;
  /** Our address. */
  localAddress: string;
  /** Our port. */
  localPort: number;
}

/**
 * The Web-standard members of a connection (the shape of WICG Direct Sockets). A user of the
 * library who supplies a custom transport implements this.
 */
export interface ByteStream {
  /** What the other side sends. A byte stream (read with a BYOB reader) saves copies. */
  readonly readable: ReadableStream<Uint8Array>;
  /** What is written goes to the other side, in order. */
  readonly writable: WritableStream<Uint8Array>;
  /** Settles once connected, or rejects with a NetError. */
  readonly opened: Promise<SocketInfo>;
  /** Resolves when both directions have ended; rejects with a NetError if they broke. */
  readonly closed: Promise<void>;
  /** Ends both directions at once. */
  close(): void;
}

/** The receiver of a socket's bytes on the synchronous path. */
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
  /** Chooses the synchronous path. Call it in the turn in which the socket was made or opened. */
  attach(sink: StreamSink): void;
  /**
   * Queues `bytes`, which must not change until `sent` is called. `sent` is always called exactly
   * once, never before `send` returns, also if the socket breaks. Callers keep one send in progress
   * at a time. Returns true if the system has copied all of `bytes`, so that they may change now.
   */
  send(bytes: Uint8Array, sent: () => void): boolean;
  /** Stops and restarts reading, for back-pressure. Only data already in flight still arrives. */
  pause(): void;
  /** Undoes `pause`. */
  resume(): void;
}

/** A port that accepts connections. */
export interface Listener {
  /** The port it listens on. */
  readonly port: number;
  /** Stops accepting; accepted sockets stay open. */
  close(): Promise<void>;
}

/** TCP and names. */
export interface StreamNet {
  /** Starts to connect to an IP address (not a name). A failure arrives in `opened` and `onEnd`. */
  connect(to: { address: string; port: number; timeoutMs: number }): Socket;
  /**
   * Accepts on IPv4 and IPv6, or only on `address`. Port 0 means any free port. IPv4 peers of a
   * dual-stack socket have plain IPv4 addresses. `queue`: connections that may wait to be accepted,
   * at most 1024. Rejects with a NetError ("address-in-use", ...).
   */
  listen(
    on: { port: number; address?: string; queue?: number },
    onSocket: (socket: Socket, info: SocketInfo) => void,
  ): Promise<Listener>;
  /** All addresses of a host name, in the resolver's order; an IP address resolves to itself. */
  lookup(host: string): Promise<string[]>;
}

/** A bound UDP port. */
export interface DatagramSocket {
  /** The local port. */
  readonly port: number;
  /** Number of exceptions of the message handler and of failed sends. */
  readonly errors: number;
  /** The last such error, null without one. */
  readonly lastError: Error | null;
  /** Best effort; never throws for an unreachable target. `bytes` may change after the return. */
  send(bytes: Uint8Array, address: string, port: number): void;
  /** Closes the port. */
  close(): void;
}

/** UDP. */
export interface DatagramNet {
  /**
   * Binds UDP on "0.0.0.0" or "::" (or `address`); a family 6 socket receives no IPv4. The bytes for
   * `onMessage` are borrowed; its exceptions are counted in `errors` of the socket and never close
   * it. Datagrams of more than 4 KiB may be cut.
   */
  bind(
    on: { port: number; family: 4 | 6; address?: string },
    onMessage: (bytes: Uint8Array, address: string, port: number) => void,
  ): Promise<DatagramSocket>;
}

/** Membership in a multicast group. */
export interface MulticastSocket {
  /** As of a DatagramSocket. */
  readonly errors: number;
  /** The last such error, null without one. */
  readonly lastError: Error | null;
  /** Sends to the whole group, on every network of this machine, also to ourselves. Best effort. */
  send(bytes: Uint8Array): void;
  /** Leaves the group and closes the socket. */
  close(): void;
}

/** Multicast, for local peer discovery. */
export interface MulticastNet {
  /**
   * Joins a group on every network that supports multicast; other programs of this machine may be in
   * it on the same port. Rejects with a NetError if multicast is not available. `onMessage` is as for
   * `DatagramNet.bind`.
   */
  join(
    group: { address: string; port: number },
    onMessage: (bytes: Uint8Array, address: string, port: number) => void,
  ): Promise<MulticastSocket>;
}

/** A request of HTTP or HTTPS. */
export interface HttpRequest {
  /** Default "GET". */
  method?: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** http or https, with the query. */
  url: string;
  /** Names in lower case. */
  headers?: Record<string, string>;
  /** Sent with its length; `headers` name its type. */
  body?: Uint8Array;
  /** The address to connect to instead of looking the host up (the Host header and TLS name stay). */
  address?: string;
  /** The path of a Unix socket to connect to instead of a port. */
  unix?: string;
  /** Limits the time of the complete answer; for a stream, of its head and of each read. */
  timeoutMs: number;
  /** Body bytes (after gzip is undone) beyond which the request fails with "too-large". */
  maxBytes: number;
  /** Aborts the request. */
  signal?: AbortSignal;
  /**
   * Takes an answer that ends before its stated length, that is gzip without saying so, or says so
   * without being it. For callers whose own format shows what is missing. Default false.
   */
  lenient?: boolean;
}

/** Status and headers of an answer. */
export interface HttpHead {
  /** As 200 or 404. */
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
}

/** A whole answer. */
export interface HttpResponse extends HttpHead {
  /** The decoded body. */
  body: Uint8Array;
}

/** An answer whose body is read on demand, with back-pressure: TCP delays unread data at the sender. */
export interface HttpStream extends HttpHead {
  /**
   * The next bytes of the body, at least one; null at its end. Keep one read in progress at a time.
   * Rejects with a NetError: "reset" if the body is cut off, "timeout", "aborted" by the signal,
   * "closed".
   */
  read(): Promise<Uint8Array | null>;
  /** Ends the connection if the body has not ended. Closing twice is harmless. */
  close(): void;
}

/** What an HTTP server listens on. */
export type ServeOn =
  /** `address`: default "127.0.0.1". Port 0 takes any free one. */
  | { port: number; address?: string }
  /** The path of a Unix socket, which only this user may connect to. */
  | { unix: string };

/** What an HTTP server bears of its visitors. */
export interface ServeLimits {
  /** Most connections at a time; further ones are closed at once. Default 1000. */
  connections?: number;
  /** Most milliseconds for the head of a request, and between two requests. Default 15,000. */
  headMs?: number;
  /** Most milliseconds for the body of a request. Default 300,000. */
  bodyMs?: number;
}

/** A running server. */
export interface HttpServer {
  /** The port it listens on; 0 for a Unix socket. */
  readonly port: number;
  /** Ends all connections: answers under way have a second to end by themselves. */
  close(): Promise<void>;
}

/** HTTP, as client and server. */
export interface Http {
  /** The complete answer: redirects are not followed, gzip is decoded. Rejects with a NetError. */
  request(request: HttpRequest): Promise<HttpResponse>;
  /**
   * Resolves with the head of the answer; the caller limits the size of the body. It requests no
   * compression, and a compressed answer fails with "bad-response". Read it to its end, or close it.
   */
  stream(request: Omit<HttpRequest, "maxBytes">): Promise<HttpStream>;
  /** Compresses a body, quickly rather than well, off this thread. */
  gzip(bytes: Uint8Array): Promise<Uint8Array>;
  /**
   * Bodies of requests and answers are streams, with back-pressure. An answer with a "content-length"
   * keeps it. `remote` has an empty address and port 0 on a Unix socket. Rejects with a NetError
   * ("address-in-use", "permission", ...).
   */
  serve(
    on: ServeOn,
    handler: (
      request: Request,
      remote: { address: string; port: number },
    ) => Response | Promise<Response>,
    limits?: ServeLimits,
  ): Promise<HttpServer>;
}

/** What `stat` tells of a path. */
export interface FileStat {
  /** Kind of the path itself; links are not followed. */
  kind: "file" | "directory" | "link" | "other";
  /** Bytes. */
  size: number;
  /** Milliseconds since 1970, as precise as the system keeps them. */
  mtimeMs: number;
  /** Identifies a file on its disk; 0 if the system has no such number. */
  inode: number;
  /** Bytes allocated on the disk, where known, else `size`. */
  allocated: number;
  /** Time of creation in whole milliseconds since 1970; 0 if the file system does not keep it. */
  bornMs: number;
  /** The number of its file system; 0 if the system has no such number. */
  device: number;
  /** Number of its names (hard links); 1 if the system does not count them. */
  links: number;
}

/** A mounted file system. */
export interface Disk {
  /**
   * Identifies the file system: another text means that another one is mounted in its place. Some
   * network and FUSE disks get a new text with each mount.
   */
  id: string;
  /** Whether a file keeps its inode number. FAT, exFAT, FUSE and network disks may invent them. */
  keepsInodes: boolean;
}

/** Positional and atomic per call. All methods throw FileError. */
export interface FileHandle {
  /** Reads until `into` is full or the file ends; returns the bytes read. */
  readAt(into: Uint8Array, position: number): number;
  /** Like readAt, off this thread: for 256 KiB and more from a disk that may be slow. */
  readAsync(into: Uint8Array, position: number): Promise<number>;
  /** Writes all of `bytes` or throws; "io" also if the disk stores nothing and reports no error. */
  writeAt(bytes: Uint8Array, position: number): void;
  /**
   * Like writeAt, off this thread: for slow disks. `bytes` must not change until it resolves.
   * Callers keep one write to a file in progress at a time. "changed" if the file lost its name.
   */
  writeAsync(bytes: Uint8Array, position: number): Promise<void>;
  /** Cuts the file, or extends it with zeros. */
  truncate(size: number): void;
  /** Kind, size and times of the open file. */
  stat(): FileStat;
  /** As `stat`, off this thread: for a disk that is slow. */
  statAsync(): Promise<FileStat>;
  /** Resolves when data and size are on the disk. */
  sync(): Promise<void>;
  /** Closes the file. */
  close(): void;
}

/** The disk. All paths are absolute or relative to the working folder. Errors are FileErrors. */
export interface Files {
  /**
   * "write" creates the file if it is missing and allows reading; so does "create", but it throws
   * "exists" if the name is taken. A symbolic link as the last part is refused.
   */
  open(path: string, mode: "read" | "write" | "create"): FileHandle;
  /** As `open`, off this thread: for a disk that is slow. */
  openAsync(path: string, mode: "read" | "write" | "create"): Promise<FileHandle>;
  /** Makes one folder. An existing folder is fine; a symbolic link is refused. */
  makeDir(path: string): void;
  /** The entry at the path itself; symbolic links are not followed. Null if there is none. */
  stat(path: string): FileStat | null;
  /** As `stat`, off this thread: for a disk that is slow. */
  statAsync(path: string): Promise<FileStat | null>;
  /** Names in a folder, sorted. */
  list(path: string): string[];
  /** As `list`, off this thread: for a folder of many files. */
  listAsync(path: string): Promise<string[]>;
  /**
   * Reads a small file; "too-large" beyond `maxBytes`. `regularOnly` refuses pipes and devices ("io"),
   * which may have no end or block. Symbolic links are followed.
   */
  read(path: string, maxBytes: number, how?: { regularOnly?: boolean }): Promise<Uint8Array>;
  /**
   * Replaces a file atomically: temporary file, fsync, rename, fsync of the folder. A crash may leave
   * the temporary file, named by util/temporary_name.ts. `ownerOnly`: only the owner may read the
   * file, where the system supports this.
   */
  writeWhole(path: string, bytes: Uint8Array, how?: { ownerOnly?: boolean }): Promise<void>;
  /** Replaces a file that has the name `to`. "other-disk" if the paths are on different disks. */
  rename(from: string, to: string): void;
  /** Removes a file, link or empty folder. */
  remove(path: string): void;
  /**
   * Once it resolves, everything made, renamed and removed in a folder survives a power cut, as far as
   * the system can promise it; symbolic links are followed. Rejects with a FileError only if there is
   * no such folder.
   */
  syncFolder(path: string): Promise<void>;
  /**
   * Copies a file off this thread, sharing its blocks where the disk and the runtime support it. The
   * copy is not synced. "exists" if `to` exists; a symbolic link as last part of `from` is refused.
   */
  copy(from: string, to: string): Promise<void>;
  /**
   * Grows whenever this process reads data of any file from a disk instead of from the system's memory.
   * Null if the system does not count this.
   */
  diskReads(): number | null;
  /**
   * The most files and sockets that the system lets this process have open at once. Null if the
   * system does not tell.
   */
  openLimit(): number | null;
  /** Bytes an unprivileged user may still write on the disk that holds `path`. */
  freeSpace(path: string): Promise<number>;
  /**
   * The disk of `path`, or of its nearest existing parent; symbolic links are followed. Throws a
   * FileError if it cannot be read.
   */
  diskOf(path: string): Disk;
  /** The path with all symbolic links resolved; null if it does not exist. Throws a FileError. */
  realPath(path: string): string | null;
  /** The absolute path; symbolic links are not resolved. */
  absolute(path: string): string;
  /**
   * Takes an exclusive lock on a file, which is created if it is missing; null while another process,
   * or this one, holds it. The system releases it when the process ends, however it ends. Throws a
   * FileError if the file cannot be created or its file system does not support locks.
   */
  lock(path: string): FileLock | null;
}

/** A lock that this process holds on a file. */
export interface FileLock {
  /** Releases the lock. The file stays. Releasing twice is harmless. */
  release(): void;
}

/** The process and its terminal, for the command line only. */
export interface Process {
  /** Arguments of the command line. */
  readonly args: readonly string[];
  /** "linux", "darwin", "windows", ... */
  readonly os: string;
  /** The system's number of this process. */
  readonly pid: number;
  /** Undefined if the variable is not set or may not be read. */
  env(name: string): string | undefined;
  /** All variables whose names begin with `prefix`; none if they may not be read. */
  variables(prefix: string): Readonly<Record<string, string>>;
  /**
   * Writes text without adding a newline. Resolves when the system has it, or when the reader is gone;
   * rejects with a FileError if it cannot be written (a full disk).
   */
  out(text: string): Promise<void>;
  /** As `out`, to standard error. */
  err(text: string): Promise<void>;
  /** The terminal behind `out`; null if that is a file or pipe. */
  terminal(): { columns: number; rows: number; color: boolean } | null;
  /** The next typed line, without its end; null at the end of input. */
  readLine(): Promise<string | null>;
  /**
   * Keys as they are pressed, none of them shown, until cancelled: characters, and the escape sequences of
   * other keys; several may come together. Ctrl-C is "\x03" then. Null if standard input is no terminal.
   */
  onKeys(fn: (keys: string) => void): Timer | null;
  /** Called for Ctrl-C, for the system's request to end, and (once) for the end of the terminal. */
  onInterrupt(fn: () => void): Timer;
  /** Called for SIGHUP, which then is no interrupt; for those who mean "read the configuration again". */
  onHangup(fn: () => void): Timer;
  /** Called when a stopped process (Ctrl-Z) continues: the terminal may have changed meanwhile. */
  onContinue(fn: () => void): Timer;
  /** Sets the exit code with which the process ends once nothing is left to do. */
  exitCode(code: number): void;
  /** Ends the process at once. Only for cases that cannot end otherwise. */
  exit(code: number): never;
  /** Memory of the process in bytes. */
  residentBytes(): number;
  /**
   * Milliseconds that this thread was ready to run and waited for a processor, since it began; 0 where
   * the system does not tell (Linux does).
   */
  waitedMs(): number;
  /**
   * Sends a datagram to the Unix socket of the service manager (sd_notify); "@" begins an abstract name.
   * Returns whether the system took it; never on other systems than Linux.
   */
  notify(socket: string, text: string): boolean;
}

/** A program and how it is started: directly, never by a shell. */
export interface ProgramStart {
  /** The program, found in PATH if it is not a path, and its arguments. */
  readonly argv: readonly string[];
  /** All of its environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** Characters of its output that are kept, the last ones. */
  readonly maxOutput: number;
}

/** How a program ended. */
export interface ProgramEnd {
  /** Null if a signal ended it. */
  readonly code: number | null;
  /** The end of what it wrote to standard output and standard error, in the order of arrival. */
  readonly output: string;
}

/** A started program. Its standard input is empty. */
export interface RunningProgram {
  /** Never rejects. */
  readonly ended: Promise<ProgramEnd>;
  /** Asks it and the programs that it started to end, and ends them five seconds later. */
  end(): void;
}

/** Other programs of the machine. */
export interface Programs {
  /** Resolves once it runs. Rejects with a FileError if it cannot be started ("not-found", ...). */
  start(program: ProgramStart): Promise<RunningProgram>;
}

/**
 * Everything that shoal needs of the machine: `selectPlatform` gives that of the present runtime.
 */
export interface Platform {
  /** Which one it is. */
  readonly name: "deno" | "bun" | "sim";
  /** Time. */
  readonly clock: Clock;
  /** Random numbers. */
  readonly random: Random;
  /** Hashes. */
  readonly hasher: Hasher;
  /** Signatures. */
  readonly ed25519: Ed25519;
  /** Hashes of passwords. */
  readonly passwords: Passwords;
  /** TCP and names. */
  readonly net: StreamNet;
  /** UDP. */
  readonly datagrams: DatagramNet;
  /** Multicast, for local peer discovery. */
  readonly multicast: MulticastNet;
  /** HTTP. */
  readonly http: Http;
  /** The disk. */
  readonly files: Files;
  /** Other programs. */
  readonly programs: Programs;
  /** Arguments, output and signals. */
  readonly process: Process;
}
