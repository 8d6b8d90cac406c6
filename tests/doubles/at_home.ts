/** Command lines of tests stay on this machine: nothing is asked of the world, or told to it. */

/** With flags that keep it from looking for peers elsewhere, unless a DHT node is named. */
export function atHome(args: readonly string[]): readonly string[] {
  const swarms = args[0] === "download" || args[0] === "seed";
  const named = args.some((arg) => arg.startsWith("--dht-bootstrap"));
  return swarms && !named ? [...args, "--no-dht", "--no-lsd"] : args;
}
