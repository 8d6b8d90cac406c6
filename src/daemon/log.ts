/**
 * The log of a daemon: lines of text or JSON on standard error, the last ones kept for the API.
 * Passkeys, passwords and tokens are taken out here, whatever logs them.
 */
import type { Clock, Process } from "../platform/types.ts";
import type { LogFormat, LogLevel } from "./options.ts";
import { redact, redactField } from "./redact.ts";

export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** The same log, each line with the torrent. */
  torrent(infoHash: string): Log;
}

export interface LogLine {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly level: LogLevel;
  /** Without secrets, as are the fields. */
  readonly message: string;
  readonly fields: LogFields;
}

export interface LogHow {
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

/** Lines kept for the API. */
const MOST_KEPT = 500;
/** Characters of a message or a field: what peers and trackers send is in some. */
const MOST_TEXT = 2000;
const RANKS: Readonly<Record<LogLevel, number>> = { error: 0, warn: 1, info: 2, debug: 3 };

export class DaemonLog implements Log {
  readonly #clock: Pick<Clock, "wallTime">;
  readonly #process: Pick<Process, "err">;
  readonly #how: () => LogHow;
  readonly #lines: LogLine[] = [];
  #written: Promise<void> = Promise.resolve();

  /** `how` is asked for every line, so a changed setting applies at once. */
  constructor(
    { clock, process }: { clock: Pick<Clock, "wallTime">; process: Pick<Process, "err"> },
    how: () => LogHow,
  ) {
    this.#clock = clock;
    this.#process = process;
    this.#how = how;
  }

  /** The last lines, oldest first. */
  get recent(): readonly LogLine[] {
    return this.#lines;
  }

  error(message: string, fields?: LogFields): void {
    this.add("error", message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.add("warn", message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.add("info", message, fields);
  }

  debug(message: string, fields?: LogFields): void {
    this.add("debug", message, fields);
  }

  torrent(infoHash: string): Log {
    return new TorrentLog(this, infoHash);
  }

  /** As the methods named by levels. */
  add(level: LogLevel, message: string, fields: LogFields = {}): void {
    const { logLevel, logFormat } = this.#how();
    if (RANKS[level] > RANKS[logLevel]) return;
    const line = {
      time: this.#clock.wallTime(),
      level,
      message: clean(message),
      fields: cleaned(fields),
    };
    this.#lines.push(line);
    if (this.#lines.length > MOST_KEPT) this.#lines.shift();
    const text = logFormat === "json" ? jsonOf(line) : textOf(line);
    // Where nobody reads the log any more, the daemon continues.
    this.#written = this.#process.err(`${text}\n`).catch(() => {});
  }

  /** Resolves when the system has the lines so far. */
  flush(): Promise<void> {
    return this.#written;
  }
}

class TorrentLog implements Log {
  readonly #log: DaemonLog;
  readonly #torrent: string;

  constructor(log: DaemonLog, torrent: string) {
    this.#log = log;
    this.#torrent = torrent;
  }

  error(message: string, fields?: LogFields): void {
    this.#log.error(message, { torrent: this.#torrent, ...fields });
  }

  warn(message: string, fields?: LogFields): void {
    this.#log.warn(message, { torrent: this.#torrent, ...fields });
  }

  info(message: string, fields?: LogFields): void {
    this.#log.info(message, { torrent: this.#torrent, ...fields });
  }

  debug(message: string, fields?: LogFields): void {
    this.#log.debug(message, { torrent: this.#torrent, ...fields });
  }

  torrent(infoHash: string): Log {
    return this.#log.torrent(infoHash);
  }
}

/** One line, whatever a tracker or a torrent's name holds. */
function clean(text: string): string {
  return redact(text.slice(0, MOST_TEXT)).replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ");
}

function cleaned(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, cleanField(name, value)]),
  );
}

function cleanField(name: string, value: unknown): unknown {
  const safe = redactField(name, value);
  if (typeof safe === "number" || typeof safe === "boolean" || safe === null) return safe;
  if (safe instanceof Error) return clean(safe.message);
  if (typeof safe === "string") return clean(safe);
  // From the inside out: quotes are escaped afterwards.
  return clean(JSON.stringify(safe, (key, inner) => redactField(key, inner)) ?? "");
}

function timeOf({ time }: LogLine): string {
  return new Date(time).toISOString();
}

function jsonOf(line: LogLine): string {
  const { level, message, fields } = line;
  return JSON.stringify({ time: timeOf(line), level, message, ...fields });
}

function textOf(line: LogLine): string {
  const fields = Object.entries(line.fields).map(([name, value]) => ` ${name}=${shown(value)}`);
  return `${timeOf(line)} ${line.level.padEnd(5)} ${line.message}${fields.join("")}`;
}

function shown(value: unknown): string {
  const text = String(value);
  return /^[\w.:/@+-]+$/.test(text) ? text : JSON.stringify(text);
}
