/** Asks for a new password: unseen on a terminal, a line of standard input elsewhere. */
import type { Platform } from "../platform/types.ts";
import { UsageError } from "./errors.ts";
import { keysIn } from "./top/keys.ts";

const FEWEST = 8;

/** Throws a UsageError if the two entries differ, or for a short one. */
export async function newPassword({ process }: Pick<Platform, "process">): Promise<string> {
  const password = await entered(process, "New password: ");
  if ([...password].length < FEWEST) {
    throw new UsageError(`The password needs at least ${FEWEST} characters`);
  }
  const isTyped = process.terminal() !== null;
  if (isTyped && await entered(process, "Again: ") !== password) {
    throw new UsageError("The two entries differ; nothing was changed");
  }
  return password;
}

async function entered(process: Platform["process"], question: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = "";
  const keys = process.onKeys((typed) => {
    for (const key of keysIn(typed)) {
      if (key === "enter") resolve(text);
      else if (key === "interrupt") reject(new UsageError("nothing was changed"));
      else if (key === "backspace") text = [...text].slice(0, -1).join("");
      else if (typeof key !== "string") text += key.character;
    }
  });
  if (keys === null) return await process.readLine() ?? "";
  try {
    await process.err(question);
    return await promise;
  } finally {
    keys.cancel();
    await process.err("\n");
  }
}
