/** What a terminal sends for keys, by the names of these. */

export type Key =
  | "up"
  | "down"
  | "page-up"
  | "page-down"
  | "home"
  | "end"
  | "enter"
  | "escape"
  | "backspace"
  | "tab"
  | "delete"
  | "interrupt"
  /** A character. */
  | { readonly character: string };

const SEQUENCES: Readonly<Record<string, Key>> = {
  "\x1b[A": "up",
  "\x1bOA": "up",
  "\x1b[B": "down",
  "\x1bOB": "down",
  "\x1b[5~": "page-up",
  "\x1b[6~": "page-down",
  "\x1b[H": "home",
  "\x1b[1~": "home",
  "\x1bOH": "home",
  "\x1b[F": "end",
  "\x1b[4~": "end",
  "\x1bOF": "end",
  "\x1b[3~": "delete",
  "\x1b": "escape",
  "\r": "enter",
  "\n": "enter",
  "\t": "tab",
  "\x7f": "backspace",
  "\b": "backspace",
  "\x03": "interrupt",
  "\x04": "interrupt",
};

// deno-lint-ignore no-control-regex
const KEY = /\x1b\[[0-9;]*[A-Za-z~]|\x1bO[A-Za-z]|[^]/gu;

/** Unknown keys are left out. */
export function keysIn(text: string): Key[] {
  return (text.match(KEY) ?? []).flatMap((sequence): Key[] => {
    const known = SEQUENCES[sequence];
    if (known !== undefined) return [known];
    return sequence.length <= 2 && sequence >= " " ? [{ character: sequence }] : [];
  });
}
