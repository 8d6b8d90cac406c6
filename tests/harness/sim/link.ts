/** A node's connection to the network. All fields may be changed while the world runs. */
export interface LinkConditions {
  /** One way, this node's share: the delay between two nodes is the sum of both. */
  latencyMs: number;
  /** A random extra of up to this much per packet. */
  jitterMs: number;
  upBytesPerSec: number;
  downBytesPerSec: number;
  /** Received bytes come in random chunks of 1 to this many, some of them later. Null: whole. */
  fragmentBytes: number | null;
  /** Incoming connections get no answer, as behind a NAT. */
  firewalled: boolean;
  /** Probabilities of faults, each counted under its name. */
  connectRefused: number;
  connectDropped: number;
  /** Per segment of up to 64 KiB, sent or received. */
  reset: number;
  datagramLost: number;
  datagramDuplicated: number;
  /** Delays the datagram, so that later ones overtake it. */
  datagramReordered: number;
}

export function linkWith(changes: Partial<LinkConditions>): LinkConditions {
  return {
    latencyMs: 5,
    jitterMs: 0,
    upBytesPerSec: Infinity,
    downBytesPerSec: Infinity,
    fragmentBytes: null,
    firewalled: false,
    connectRefused: 0,
    connectDropped: 0,
    reset: 0,
    datagramLost: 0,
    datagramDuplicated: 0,
    datagramReordered: 0,
    ...changes,
  };
}
