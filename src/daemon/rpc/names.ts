/** The names of both dialects: "torrent-get" and "hashString" are torrent_get and hash_string in JSON-RPC. */

const SNAKE = new Map<string, string>([["cache-size-mb", "cache_size_mib"]]);

/** Of a name of the legacy dialect; only for our own names, since it remembers them. */
export function toSnake(name: string): string {
  let snake = SNAKE.get(name);
  if (snake === undefined) {
    snake = name.replace(/-/g, "_").replace(/([a-z])([A-Z])/g, "$1_$2").toLowerCase();
    SNAKE.set(name, snake);
  }
  return snake;
}

/** From the names of JSON-RPC to those of the tables. */
export function legacyNames(names: Iterable<string>): ReadonlyMap<string, string> {
  return new Map(Array.from(names, (name) => [toSnake(name), name]));
}

/** With the names of JSON-RPC, at any depth. */
export function snaked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snaked);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [toSnake(name), snaked(each)]),
  );
}
