/** What both HTTP servers share. */

/** How long `close()` lets answers under way finish; an event stream never would. */
export const CLOSE_GRACE_MS = 1000;

/** Waits for `graceful`, at most the grace, then cuts. */
export async function stopWithin(graceful: Promise<unknown>, cut: () => unknown): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), CLOSE_GRACE_MS);
  });
  const first = await Promise.race([graceful.catch(() => {}), late]);
  clearTimeout(timer);
  if (first === "late") await cut();
}

/** A handler's bug must not show its source to the visitor. */
export function serverError(): Response {
  return new Response("Internal Server Error", { status: 500 });
}
