/** The wire format of the DHT (BEP 5 and its extensions): one import for its three parts. */
export * from "./krpc_types.ts";
export { decodeKrpc, looksLikeKrpc } from "./krpc_decode.ts";
export {
  encodeError,
  encodeQuery,
  encodeResponse,
  type ErrorFields,
  type ResponseFields,
} from "./krpc_encode.ts";
