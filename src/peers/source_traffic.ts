/** Payload bytes and rates, by the source of the peer that sent or got them. */
import { PEER_SOURCE, sourceNames } from "./pool_peer.ts";

const BITS: readonly number[] = Object.values(PEER_SOURCE);

/** What peers of one source sent and got. */
export interface SourceFigures {
  /** tracker, dht, pex, lsd, incoming, manual or resume. */
  source: string;
  /** Payload bytes. */
  downloaded: number;
  /** Uploaded payload bytes. */
  uploaded: number;
  /** Bytes a second. */
  downRate: number;
  /** Upload, in bytes a second. */
  upRate: number;
}

export class SourceTraffic {
  readonly #figures: Omit<SourceFigures, "source">[] = BITS.map(() => {
    return { downloaded: 0, uploaded: 0, downRate: 0, upRate: 0 };
  });

  /** `source`: one bit of PEER_SOURCE. */
  add(source: number, downloaded: number, uploaded: number): void {
    const figures = this.#of(source);
    figures.downloaded += downloaded;
    figures.uploaded += uploaded;
  }

  addRate(source: number, down: number, up: number): void {
    const figures = this.#of(source);
    figures.downRate += down;
    figures.upRate += up;
  }

  /** The bytes of another one; rates are of the moment. */
  addAll(other: SourceTraffic): void {
    for (const bit of BITS) {
      const { downloaded, uploaded } = other.#of(bit);
      this.add(bit, downloaded, uploaded);
    }
  }

  /** One entry for each source. */
  list(): SourceFigures[] {
    return BITS.map((bit) => ({ source: sourceNames(bit)[0]!, ...this.#of(bit) }));
  }

  #of(source: number): Omit<SourceFigures, "source"> {
    return this.#figures[Math.max(0, BITS.indexOf(source))]!;
  }
}
