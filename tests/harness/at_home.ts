/**
 * Keeps the command lines of tests on this machine: nothing is sent to or read from the internet.
 */

/**
 * Adds flags that stop it from searching for peers elsewhere, unless a DHT node is named, and from
 * saving state in the home of the user who runs the tests.
 */
export function atHome(args: readonly string[], { keepsState = false } = {}): readonly string[] {
  const [command = ""] = args, more: string[] = [];
  const has = (flag: string) => args.some((arg) => arg.startsWith(flag));
  const swarms = command === "download" || command === "seed" || /:\/\//.test(command);
  if (swarms && !has("--dht-bootstrap")) more.push("--no-dht", "--no-lsd");
  const remembers = swarms || command === "show" || command === "dht";
  if (remembers && !keepsState && !has("--state-dir") && !has("--no-state")) {
    more.push("--no-state");
  }
  return [...args, ...more];
}
