/**
 * Loaded before each test file on Deno. Deno's node:test swallows what a timer or an event handler
 * throws while a test runs; this prints a mark that scripts/test.ts counts as a failure.
 */

globalThis.addEventListener("error", (event) => {
  console.error(`SHOAL-UNCAUGHT: ${event.error?.stack ?? event.message}`);
});
