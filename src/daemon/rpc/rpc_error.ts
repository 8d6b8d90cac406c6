import { ShoalError } from "../../util/errors.ts";

/** A request that failed. The message is the `result` of the legacy protocol, which clients compare. */
export class RpcError extends ShoalError {
  readonly code: RpcErrorCode;
  /** What the answer tells beside the error. */
  readonly values: Readonly<Record<string, unknown>>;

  constructor(code: RpcErrorCode, message: string, values: Record<string, unknown> = {}) {
    super(message);
    this.code = code;
    this.values = values;
  }
}

export type RpcErrorCode = keyof typeof JSON_RPC_CODES;

/** The numbers and texts of these errors in JSON-RPC, as Transmission 4.1 has them. */
export const JSON_RPC_CODES = {
  parse: [-32700, "Parse error"],
  request: [-32600, "Invalid Request"],
  method: [-32601, "Method not found"],
  params: [-32602, "Invalid params"],
  announce: [1, "error setting announce list"],
  "tracker-list": [2, "Invalid tracker list"],
  "not-absolute": [3, "path is not absolute"],
  unrecognized: [4, "unrecognized info"],
  system: [5, "system error"],
  "file-index": [6, "file index out of range"],
  "http-error": [8, "HTTP error from backend service"],
  corrupt: [9, "invalid or corrupt torrent file"],
  blocklist: [10, "error updating blocklist"],
} as const;
