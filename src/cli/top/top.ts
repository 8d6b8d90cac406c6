/** Connects the live list with the terminal, its keys and the daemon. */
import type { HttpStream, Timer } from "../../platform/types.ts";
import { ShoalError } from "../../util/errors.ts";
import { UsageError } from "../errors.ts";
import { repeat, watchInterrupt } from "../interrupt.ts";
import type { LiveTerminal } from "../render/terminal.ts";
import type { Session } from "../remote/remote_command.ts";
import { detailOf } from "./details.ts";
import { BadEventError, TorrentFeed } from "./feed.ts";
import { FullScreen } from "./full_screen.ts";
import { keysIn } from "./keys.ts";
import { type Command, FIRST_STATE, inSight, pressed, rowsOf, type TopState } from "./state.ts";
import { pageOf, screenOf } from "./view.ts";

const AGAIN_MS = 2000, DETAIL_MS = 2000;
/** A window may have been resized. */
const REDRAW_MS = 500;

export class Top {
  readonly #session: Session;
  readonly #terminal: LiveTerminal;
  readonly #feed = new TorrentFeed();
  readonly #ended = Promise.withResolvers<void>();
  #screen!: FullScreen;
  #state: TopState = FIRST_STATE;
  #detail: readonly string[] = [];
  /** What `#detail` is about. */
  #detailOf = "";
  #isConnected = true;
  #isOver = false;
  #stream: HttpStream | null = null;

  constructor(session: Session, terminal: LiveTerminal) {
    this.#session = session;
    this.#terminal = terminal;
  }

  /** Until a key or a signal ends it. Rejects if no daemon answers at first. */
  async run(): Promise<void> {
    const { remote, platform, output } = this.#session, { process, clock } = platform;
    const stream = await remote.events(null);
    const keys = process.onKeys((text) => this.#safely(() => this.#press(text)));
    if (keys === null) {
      stream.close();
      throw new UsageError("Standard input is no terminal: use shoal list");
    }
    this.#screen = new FullScreen(output, this.#terminal);
    const interrupt = watchInterrupt(platform, () => output.flush());
    const timers = [
      repeat(clock, REDRAW_MS, () => this.#safely(() => this.#draw())),
      repeat(clock, DETAIL_MS, () => this.#safely(() => this.#loadDetail())),
    ];
    this.#safely(() => this.#follow(stream));
    try {
      await Promise.race([this.#ended.promise, interrupt.asked]);
    } finally {
      // Whatever happened, the terminal is as it was.
      this.#isOver = true;
      this.#stream?.close();
      for (const each of [...timers, keys] as Timer[]) each.cancel();
      interrupt.release();
      this.#screen.close();
    }
  }

  /** A bug ends the run, and is reported when the screen is restored. */
  #safely(work: () => void | Promise<void>): void {
    (async () => await work())().catch((error) => this.#ended.reject(error));
  }

  /** Connects again for as long as it takes. */
  async #follow(first: HttpStream): Promise<void> {
    const { remote, platform: { clock } } = this.#session;
    for (let stream = first; !this.#isOver;) {
      this.#stream = stream;
      try {
        this.#isConnected = true;
        await this.#feed.follow(stream, () => this.#draw());
      } catch (error) {
        if (!(error instanceof ShoalError)) throw error;
        if (error instanceof BadEventError) stream.close();
      }
      this.#isConnected = false;
      this.#draw();
      for (let isBack = false; !isBack && !this.#isOver;) {
        await new Promise<void>((resolve) => void clock.after(AGAIN_MS, resolve));
        try {
          stream = await remote.events(this.#feed.lastId);
          isBack = true;
        } catch (error) {
          if (!(error instanceof ShoalError)) throw error;
        }
      }
    }
  }

  #rows() {
    return rowsOf(this.#feed.torrents.values(), this.#state);
  }

  #press(text: string): void {
    for (const key of keysIn(text)) {
      const rows = this.#rows(), page = pageOf(this.#screen.size, this.#state);
      const step = pressed(this.#state, key, rows, page);
      this.#state = step.state;
      if (step.command !== undefined) {
        const { command } = step;
        this.#safely(() => this.#tell(command));
      }
      if (step.ends) return this.#ended.resolve();
    }
    this.#safely(() => this.#loadDetail());
    this.#draw();
  }

  #draw(): void {
    if (this.#isOver) return;
    const { size } = this.#screen, rows = this.#rows();
    this.#state = inSight(this.#state, rows, pageOf(size, this.#state));
    const { session } = this.#feed;
    this.#screen.draw(screenOf({
      state: this.#state,
      rows,
      session,
      detail: this.#detail,
      isConnected: this.#isConnected,
    }, size));
  }

  async #tell({ infoHash, command }: { infoHash: string; command: Command }): Promise<void> {
    const { remote } = this.#session, path = `/torrents/${infoHash}`;
    try {
      switch (command.type) {
        case "remove":
          await remote.delete(`${path}${command.data ? "?data=true" : ""}`);
          break;
        case "up":
        case "down":
        case "top":
        case "bottom":
          await remote.post("/queue", { infoHashes: [infoHash], to: command.type });
          break;
        default:
          await remote.post(`${path}/${command.type}`);
      }
      this.#say("");
    } catch (error) {
      if (!(error instanceof ShoalError)) throw error;
      this.#say(error.message);
    }
  }

  #say(message: string): void {
    this.#state = { ...this.#state, message };
    this.#draw();
  }

  async #loadDetail(): Promise<void> {
    const { selected, detail } = this.#state;
    if (selected === null || detail === null) return;
    const about = `${selected} ${detail}`;
    if (about !== this.#detailOf) this.#detail = [];
    this.#detailOf = about;
    try {
      const columns = this.#screen.size.columns - 1;
      const lines = await detailOf(this.#session.remote, selected, detail, columns);
      if (about === this.#detailOf) this.#detail = lines;
    } catch (error) {
      if (!(error instanceof ShoalError)) throw error;
      this.#detail = [error.message];
    }
    this.#draw();
  }
}
