/** Turns failures below the tracker protocol into TrackerErrors. */
import { displayText } from "./tracker_message.ts";
import { NetError, ProtocolError, TrackerError } from "../util/errors.ts";

/** Network and format errors as TrackerErrors. Any other error is a bug of ours and rethrown. */
export function asTrackerError(error: unknown): TrackerError {
  if (error instanceof TrackerError) return error;
  if (error instanceof ProtocolError) {
    const message = `The tracker's answer cannot be read: ${displayText(error.message)}`;
    return new TrackerError("bad-response", message, { cause: error });
  }
  if (error instanceof NetError) {
    const message = displayText(error.message);
    switch (error.code) {
      case "timeout":
        return new TrackerError("timeout", message, { cause: error });
      case "too-large":
      case "bad-response":
        return new TrackerError("bad-response", message, { cause: error });
      default:
        return new TrackerError("net", message, { cause: error });
    }
  }
  throw error;
}
