/** Pieces that a peer recommends: those it uploads although it chokes us, and suggestions (BEP 6). */

/** The most pieces of either kind; later ones are ignored. */
const MAX_ADVICE = 32;

export class Advice {
  readonly allowed = new Set<number>();
  readonly suggested = new Set<number>();

  allow(piece: number): void {
    if (this.allowed.size < MAX_ADVICE) this.allowed.add(piece);
  }

  suggest(piece: number): void {
    if (this.suggested.size < MAX_ADVICE) this.suggested.add(piece);
  }
}
