/**
 * Which events of which torrents have had their hooks: a file of one JSON object a line, so that an
 * event costs one write whatever the number of torrents. Lines are added; with every start, and when
 * most of them are out of date, the file is written again.
 */
import type { FileHandle, Files } from "../../platform/types.ts";
import { HOOK_EVENTS, type HookEvent, type HookFacts } from "./hook_facts.ts";

const MAX_BYTES = 64 * 1024 * 1024;
/** Lines beyond twice those that count, before the file is written again. */
const SPARE_LINES = 1000;

/** The first line: what happened before a journal without it is unknown. */
const HEAD = '{"version":1}\n';

/** An event whose hooks have not all been called. */
export interface Owed {
  readonly facts: HookFacts;
  /** Keys of the hooks that have been called. */
  readonly called: Set<string>;
}

interface Entry {
  /** Seconds since 1970: a torrent that is added again has another one. */
  readonly addedAt: number;
  readonly over: Set<HookEvent>;
  readonly owed: Map<HookEvent, Owed>;
}

type Line =
  | { torrent: string; addedAt: number; over: HookEvent }
  | { torrent: string; addedAt: number; owed: HookFacts }
  | { torrent: string; event: HookEvent; called: string };

export class HookJournal {
  /** There was no journal: what happened before is no news. */
  readonly isNew: boolean;
  readonly #files: Pick<Files, "open" | "writeWhole">;
  readonly #path: string;
  readonly #entries = new Map<string, Entry>();
  #file: FileHandle | null = null;
  /** Lines that came while the file was written again. */
  readonly #meanwhile: Line[] = [];
  #end = 0;
  #lines = 0;

  private constructor(
    files: Pick<Files, "open" | "writeWhole">,
    path: string,
    text: string | null,
  ) {
    this.#files = files;
    this.#path = path;
    this.isNew = text === null || !text.startsWith(HEAD);
    for (const line of (text ?? "").split("\n")) this.#take(line);
  }

  /** `isKnown`: the client has the torrent. Rejects with a FileError. */
  static async open(
    files: Pick<Files, "open" | "writeWhole" | "read" | "stat">,
    path: string,
    isKnown: (infoHash: string) => boolean,
  ): Promise<HookJournal> {
    const bytes = files.stat(path) === null ? null : await files.read(path, MAX_BYTES);
    const text = bytes === null ? null : new TextDecoder().decode(bytes);
    const journal = new HookJournal(files, path, text);
    await journal.tidy(isKnown);
    return journal;
  }

  /** Whether nothing has to be done, or is being done, for this event. */
  has(infoHash: string, addedAt: number, event: HookEvent): boolean {
    const entry = this.#entries.get(infoHash);
    if (entry?.addedAt !== addedAt) return false;
    return entry.over.has(event) || entry.owed.has(event);
  }

  /** Throws a FileError, as all that follow. */
  owe(facts: HookFacts, addedAt: number): Owed {
    const owed: Owed = { facts, called: new Set() };
    this.#entry(facts.infoHash, addedAt).owed.set(facts.event, owed);
    this.#add({ torrent: facts.infoHash, addedAt, owed: facts });
    return owed;
  }

  called({ facts: { infoHash, event }, called }: Owed, key: string): void {
    called.add(key);
    this.#add({ torrent: infoHash, event, called: key });
  }

  /** All hooks of the event have been called, or there are none. */
  over(infoHash: string, addedAt: number, event: HookEvent): void {
    const entry = this.#entry(infoHash, addedAt);
    entry.owed.delete(event);
    entry.over.add(event);
    this.#add({ torrent: infoHash, addedAt, over: event });
  }

  /** With the time at which their torrents were added. */
  *owed(): Iterable<{ owed: Owed; addedAt: number }> {
    for (const { owed, addedAt } of this.#entries.values()) {
      for (const one of owed.values()) yield { owed: one, addedAt };
    }
  }

  /** Most lines are of removed torrents or of what is over. */
  get isLong(): boolean {
    return this.#lines > 2 * HOOK_EVENTS.length * this.#entries.size + SPARE_LINES;
  }

  /** Forgets torrents that the client does not have, and writes the file again. */
  async tidy(isKnown: (infoHash: string) => boolean): Promise<void> {
    for (const [infoHash, { owed }] of this.#entries) {
      if (owed.size === 0 && !isKnown(infoHash)) this.#entries.delete(infoHash);
    }
    this.close();
    this.#lines = 0;
    const lines = [...this.#entries].flatMap(([torrent, entry]) => linesOf(torrent, entry));
    const text = HEAD + lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    await this.#files.writeWhole(this.#path, utf8(text), { ownerOnly: true });
    this.#file = this.#files.open(this.#path, "write");
    this.#end = this.#file.stat().size;
    this.#lines += lines.length;
    for (const line of this.#meanwhile.splice(0)) this.#add(line);
  }

  close(): void {
    this.#file?.close();
    this.#file = null;
  }

  #entry(infoHash: string, addedAt: number): Entry {
    const known = this.#entries.get(infoHash);
    if (known?.addedAt === addedAt) return known;
    const entry: Entry = { addedAt, over: new Set(), owed: new Map() };
    this.#entries.set(infoHash, entry);
    return entry;
  }

  #add(line: Line): void {
    if (this.#file === null) return void this.#meanwhile.push(line);
    const bytes = utf8(`${JSON.stringify(line)}\n`);
    this.#file.writeAt(bytes, this.#end);
    this.#end += bytes.length;
    this.#lines++;
  }

  /** A line that was cut off by a power failure is no line. */
  #take(text: string): void {
    const line = parsed(text);
    if (line === null) return;
    if ("called" in line) {
      this.#entries.get(line.torrent)?.owed.get(line.event)?.called.add(line.called);
      return;
    }
    const entry = this.#entry(line.torrent, line.addedAt);
    if ("over" in line) {
      entry.owed.delete(line.over);
      entry.over.add(line.over);
    } else entry.owed.set(line.owed.event, { facts: line.owed, called: new Set() });
  }
}

function linesOf(torrent: string, { addedAt, over, owed }: Entry): Line[] {
  return [
    ...[...over].map((event) => ({ torrent, addedAt, over: event })),
    ...[...owed.values()].flatMap(({ facts, called }): Line[] => [
      { torrent, addedAt, owed: facts },
      ...[...called].map((key) => ({ torrent, event: facts.event, called: key })),
    ]),
  ];
}

/** The file is ours; a line that is not whole is skipped. */
function parsed(text: string): Line | null {
  try {
    const line = JSON.parse(text) as Line;
    return typeof line.torrent === "string" ? line : null;
  } catch {
    return null;
  }
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
