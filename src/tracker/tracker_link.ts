/**
 * One tracker of one torrent: its addresses and the events sent to each. A host with IPv4 and IPv6
 * addresses is announced to over both (BEP 7), each with its own "started" and "stopped", because
 * the tracker learns our address from the connection.
 */
import type { AnnounceEvent, AnnounceRequest, AnnounceResponse } from "./tracker_message.ts";
import { checkTrackerAddress, type TrackerUrl } from "./tracker_url.ts";
import type { TrackerError } from "../util/errors.ts";
import { announceHttp, type HttpAnnouncePorts } from "./http_announcer.ts";
import { type HostAddresses, resolveHost } from "./resolve_host.ts";
import { asTrackerError } from "./tracker_errors.ts";
import type { UdpAnnouncer } from "./udp_announcer.ts";

export interface LinkPorts extends HttpAnnouncePorts {
  udp: UdpAnnouncer;
}

export interface LinkOptions {
  udpTries: number;
  httpTimeoutMs: number;
  signal: AbortSignal;
  /** An address refused, and demands no request for this many milliseconds. */
  onDemand?(waitMs: number): void;
}

/** An answer and the address of the tracker that gave it. */
export interface LinkAnswer {
  response: AnnounceResponse;
  address: string;
}

type Family = 4 | 6;

/** Addresses of one family that are tried at once when connecting fails. */
const MAX_ATTEMPTS = 3;

export class TrackerLink {
  /** Families over which the tracker answered us, and so counts us. */
  readonly #told = new Set<Family>();
  /** The number of addresses given up; selects the next one of a host with several. */
  readonly #turns: Record<Family, number> = { 4: 0, 6: 0 };
  readonly #ports: LinkPorts;
  #trackerId: Uint8Array | null = null;

  constructor(readonly url: TrackerUrl, ports: LinkPorts) {
    this.#ports = ports;
  }

  /**
   * Announces over every address family of the tracker, "stopped" only over those that answered
   * before. `onAnswer` is called as each family answers. Resolves when all are done; rejects with a
   * TrackerError if none of them answered.
   */
  async announce(
    event: AnnounceEvent,
    request: Omit<AnnounceRequest, "event" | "trackerId">,
    options: LinkOptions,
    onAnswer: (answer: LinkAnswer) => void,
  ): Promise<void> {
    const addresses = await resolveHost(this.#ports, this.url.host, options.signal);
    const families = ([4, 6] as const).filter((family) =>
      addresses[family].length > 0 && (event !== "stopped" || this.#told.has(family))
    );
    const errors: TrackerError[] = [];
    await Promise.all(families.map(async (family) => {
      const familyEvent = event === "stopped" || this.#told.has(family) ? event : "started";
      const full = { ...request, event: familyEvent, trackerId: this.#trackerId };
      const answer = await this.#announceOver(family, addresses, full, options).catch((error) => {
        const problem = asTrackerError(error), { retryInMs = 0 } = problem;
        errors.push(problem);
        if (retryInMs < Infinity) options.onDemand?.(retryInMs);
        return null;
      });
      if (answer === null) return;
      this.#told.add(family);
      this.#trackerId = answer.response.trackerId ?? this.#trackerId;
      onAnswer(answer);
    }));
    if (families.length > 0 && errors.length === families.length) throw mostTelling(errors);
  }

  /** Tries further addresses of the family only if connecting itself failed. */
  async #announceOver(
    family: Family,
    addresses: HostAddresses,
    request: AnnounceRequest,
    options: LinkOptions,
  ): Promise<LinkAnswer> {
    const list = addresses[family];
    for (let attempt = 1;; attempt++) {
      const address = list[this.#turns[family] % list.length]!;
      try {
        return { response: await this.#announceTo(address, request, options), address };
      } catch (error) {
        const problem = asTrackerError(error);
        if (problem.code === "net" || problem.code === "timeout") this.#turns[family]++;
        const last = attempt >= Math.min(list.length, MAX_ATTEMPTS);
        if (problem.code !== "net" || last || options.signal.aborted) throw problem;
      }
    }
  }

  async #announceTo(
    address: string,
    request: AnnounceRequest,
    options: LinkOptions,
  ): Promise<AnnounceResponse> {
    const { signal } = options;
    if (this.url.scheme !== "udp") {
      const timeoutMs = options.httpTimeoutMs;
      return await announceHttp(this.#ports, this.url, address, request, { timeoutMs, signal });
    }
    checkTrackerAddress(this.url, address);
    const tracker = { address, port: this.url.port };
    const { path } = this.url;
    return await this.#ports.udp.announce(tracker, request, path, {
      tries: options.udpTries,
      signal,
    });
  }
}

/**
 * The most telling first: the tracker's own message. Our own refusal is last: a tracker is given up
 * for good only if every address of it is refused.
 */
const TELLING: readonly TrackerError["code"][] = [
  "failure",
  "bad-response",
  "net",
  "timeout",
  "refused-url",
];

function mostTelling(errors: readonly TrackerError[]): TrackerError {
  const rank = (error: TrackerError) => TELLING.indexOf(error.code);
  return [...errors].sort((a, b) => rank(a) - rank(b))[0]!;
}
