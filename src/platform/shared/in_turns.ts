/** Calls that leave the event loop time for its timers. */

/** Calls at once between two turns of the timers; the others wait for the next turn. */
const MOST_A_TURN = 32;

/**
 * The same function, called for a limited number of arguments a turn, in their order. On Bun, requests
 * of connections that come one after the other are handled before any timer: under such a load a timer
 * of 100 ms was 6 s late, and with it everything that torrents do.
 */
export function inTurns<Args extends unknown[]>(call: (...args: Args) => void) {
  const waiting: Args[] = [];
  let left = MOST_A_TURN, isPlanned = false;
  const now = (args: Args) => {
    left--;
    if (!isPlanned) setTimeout(turn, 0);
    isPlanned = true;
    call(...args);
  };
  const turn = () => {
    isPlanned = false;
    left = MOST_A_TURN;
    for (const args of waiting.splice(0, MOST_A_TURN)) now(args);
  };
  return (...args: Args): void => {
    if (left > 0) now(args);
    else waiting.push(args);
  };
}
