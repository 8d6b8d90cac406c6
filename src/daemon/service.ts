/** What systemd is told (sd_notify): readiness, a line of status, and that the process is alive. */
import type { Clock, Process, Timer } from "../platform/types.ts";

type Ports = { clock: Clock; process: Pick<Process, "env" | "notify" | "pid"> };

const STATUS_EVERY_MS = 10_000;

export class ServiceManager {
  readonly #process: Ports["process"];
  readonly #clock: Clock;
  readonly #socket: string | null;
  #timers: Timer[] = [];
  #status = "";

  constructor({ clock, process }: Ports) {
    this.#process = process;
    this.#clock = clock;
    this.#socket = process.env("NOTIFY_SOCKET") || null;
  }

  /** The process is at work. From now on `status` is asked for every 10 s. */
  ready(status: () => string): void {
    if (this.#socket === null) return;
    this.#status = status();
    this.#tell(`READY=1\nSTATUS=${this.#status}`);
    this.#repeat(STATUS_EVERY_MS, () => {
      const now = status();
      if (now !== this.#status) this.#tell(`STATUS=${now}`);
      this.#status = now;
    });
    const aliveMs = this.#watchdogMs() / 2;
    if (aliveMs > 0) this.#repeat(aliveMs, () => this.#tell("WATCHDOG=1"));
  }

  /** The configuration is read again; `reloaded` ends it. */
  reloading(): void {
    this.#tell("RELOADING=1");
  }

  reloaded(): void {
    this.#tell("READY=1");
  }

  stopping(): void {
    for (const timer of this.#timers.splice(0)) timer.cancel();
    this.#tell("STOPPING=1\nSTATUS=Stopping");
  }

  /** Where the watchdog is meant for this process; 0 for none. */
  #watchdogMs(): number {
    const pid = this.#process.env("WATCHDOG_PID"), usec = this.#process.env("WATCHDOG_USEC");
    if (pid && Number(pid) !== this.#process.pid) return 0;
    return usec && /^\d{1,15}$/.test(usec) ? Number(usec) / 1000 : 0;
  }

  #repeat(everyMs: number, fn: () => void): void {
    const at = this.#timers.length;
    const arm = () => {
      this.#timers[at] = this.#clock.after(everyMs, () => {
        arm();
        fn();
      });
    };
    arm();
  }

  #tell(text: string): void {
    if (this.#socket !== null) this.#process.notify(this.#socket, text);
  }
}
