/**
 * The extension protocol of a session (BEP 10): which messages each side supports, with their
 * numbers, and what the handshakes say.
 */
import { ProtocolError } from "../../util/errors.ts";
import {
  decodeExtensionHandshake,
  encodeExtensionHandshake,
  EXTENSION_HANDSHAKE,
  EXTENSION_IDS,
  type ExtensionHandshake,
  extensionName,
  LT_DONTHAVE,
} from "../../wire/extension.ts";
import type { WireEncoder } from "../../wire/peer_wire.ts";
import type { PeerSession } from "./session.ts";
import { MAX_QUEUED_REQUESTS } from "./upload_queue.ts";

/** Extension messages for the torrent: a session passes them on by name. */
export interface ExtensionPort {
  /** Those offered to the peer, out of EXTENSION_IDS; any other one ends the connection. */
  readonly names: readonly string[];
  /** Those that were offered before: they may still arrive, and are ignored. */
  readonly withdrawn?: readonly string[];
  /** `payload` is borrowed. May throw a ProtocolError, which ends the connection. */
  received(session: PeerSession, name: string, payload: Uint8Array): void;
}

export const NO_EXTENSIONS: ExtensionPort = { names: [], received() {} };

export class ExtensionSide {
  /** The name and version of the peer's program. */
  client: string | null = null;
  /** The peer wants nothing more (BEP 21). */
  uploadOnly = false;
  /** Whether our last handshake said that we want nothing more. */
  toldUploadOnly = false;
  readonly #session: PeerSession;
  readonly #out: WireEncoder;
  readonly #port: ExtensionPort;
  readonly #changed: () => void;
  /** Messages that the peer supports, with its numbers. */
  readonly #theirIds = new Map<string, number>();

  /** `changed`: something was added to the session's outgoing bytes. */
  constructor(session: PeerSession, port: ExtensionPort, changed: () => void) {
    this.#session = session;
    this.#out = session.out;
    this.#port = port;
    this.#changed = changed;
  }

  /** Whether the peer's handshake has this message. */
  knows(name: string): boolean {
    return this.#theirIds.has(name);
  }

  /** Sends a message; false if the peer does not support it. */
  send(name: string, payload: Uint8Array): boolean {
    const id = this.#theirIds.get(name);
    if (id === undefined) return false;
    this.#out.extended(id, payload);
    this.#changed();
    return true;
  }

  /** Sends our handshake, for the first time or with news. */
  introduce(handshake: ExtensionHandshake): void {
    if (!this.#session.info.extensions) return;
    this.toldUploadOnly = handshake.uploadOnly ?? this.toldUploadOnly;
    for (const name of this.#port.withdrawn ?? []) handshake.messages.set(name, 0);
    for (const name of [...this.#port.names, LT_DONTHAVE]) {
      handshake.messages.set(name, EXTENSION_IDS.get(name)!);
    }
    const whole = { ...handshake, reqq: MAX_QUEUED_REQUESTS };
    this.#out.extended(EXTENSION_HANDSHAKE, encodeExtensionHandshake(whole));
    this.#changed();
  }

  /** The peer's handshake, decoded and noted. Throws a ProtocolError. */
  onHandshake(payload: Uint8Array): ExtensionHandshake {
    const handshake = decodeExtensionHandshake(payload);
    if (handshake.client !== undefined) this.client = handshake.client;
    if (handshake.uploadOnly !== undefined) this.uploadOnly = handshake.uploadOnly;
    for (const [name, id] of handshake.messages) {
      // A later handshake only changes what it names; 0 withdraws a message.
      if (id === 0) this.#theirIds.delete(name);
      else if (EXTENSION_IDS.has(name)) this.#theirIds.set(name, id);
    }
    return handshake;
  }

  /** Any other message but LT_DONTHAVE: passed on, if we offered it. */
  onMessage(id: number, payload: Uint8Array): void {
    const name = extensionName(id), { names, withdrawn } = this.#port;
    if (name !== undefined && names.includes(name)) {
      this.#port.received(this.#session, name, payload);
    } else if (name === undefined || !withdrawn?.includes(name)) {
      throw new ProtocolError("bad-extension", `Extended message ${id} was never offered`);
    }
  }
}
