/**
 * Pushes metrics to an OpenTelemetry collector by OTLP/HTTP with JSON. A push that fails is not
 * repeated: the next one has the same counters. One warning tells of a failure until a push succeeds.
 */
import type { Clock, Http, Timer } from "../../platform/types.ts";
import { VERSION } from "../../wire/peer_id.ts";
import type { Metrics } from "./metrics.ts";
import { otlpJson } from "./otlp_json.ts";
import type { OtlpSettings } from "./otlp_settings.ts";

const MAX_ANSWER = 64 * 1024;
/** For the last push, when the daemon ends. */
const LAST_MS = 2000;

export interface OtlpPorts {
  readonly clock: Clock;
  readonly http: Pick<Http, "request">;
  readonly metrics: Pick<Metrics, "read" | "startedAt">;
  readonly log: { info(message: string): void; warn(message: string): void };
}

export class OtlpPush {
  readonly #settings: OtlpSettings;
  readonly #ports: OtlpPorts;
  #timer: Timer | null = null;
  #pushing: Promise<void> | null = null;
  #fails = false;
  #closed = false;

  constructor(settings: OtlpSettings, ports: OtlpPorts) {
    this.#settings = settings;
    this.#ports = ports;
    for (const problem of settings.problems) ports.log.warn(problem);
    if (settings.url === null) this.#closed = true;
    else this.#arm();
  }

  /** Pushes a last time, for up to two seconds. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    await this.#pushing;
    await this.#push(Math.min(LAST_MS, this.#settings.timeoutMs));
  }

  #arm(): void {
    this.#timer = this.#ports.clock.after(this.#settings.everyMs, () => {
      this.#pushing = this.#push(this.#settings.timeoutMs).finally(() => {
        this.#pushing = null;
        if (!this.#closed) this.#arm();
      });
    });
  }

  /** Never rejects. */
  async #push(timeoutMs: number): Promise<void> {
    const { headers } = this.#settings, url = this.#settings.url!;
    try {
      const { status } = await this.#ports.http.request({
        method: "POST",
        url,
        headers: { ...headers, "content-type": "application/json" },
        body: await this.#body(),
        timeoutMs,
        maxBytes: MAX_ANSWER,
      });
      if (status < 200 || status > 299) throw new Error(`It answered with status ${status}`);
      this.#succeeded();
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  async #body(): Promise<Uint8Array> {
    const { metrics, clock } = this.#ports, { startedAt } = metrics;
    const times = { startedAt, now: clock.wallTime() };
    const scope = { name: "shoal", version: VERSION };
    const body = otlpJson(await metrics.read(), this.#settings.resource, scope, times);
    return new TextEncoder().encode(JSON.stringify(body));
  }

  #succeeded(): void {
    if (this.#fails) this.#ports.log.info("Metrics reach the OTLP collector again");
    this.#fails = false;
  }

  /** The URL may contain a password, so its host alone is shown. */
  #failed({ message }: Error): void {
    if (this.#fails) return;
    this.#fails = true;
    const url = this.#settings.url!, { host } = new URL(url);
    const why = message.replaceAll(url, host);
    this.#ports.log.warn(`Metrics do not reach the OTLP collector at ${host}: ${why}`);
  }
}
