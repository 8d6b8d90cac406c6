/** One line about all torrents, for the service manager. */
import type { ClientFigures } from "../client/figures.ts";

export function clientStatus({ torrents, traffic }: ClientFigures): string {
  const count = Object.values(torrents).reduce((sum, each) => sum + each, 0);
  const states = Object.entries(torrents).filter(([, each]) => each > 0)
    .map(([state, each]) => `${each} ${state}`);
  const rate = (of: (source: ClientFigures["traffic"][number]) => number) => {
    return `${Math.round(traffic.reduce((sum, source) => sum + of(source), 0) / 1024)} KiB/s`;
  };
  const listed = states.length === 0 ? "" : ` (${states.join(", ")})`;
  return `${count} torrents${listed}, down ${rate((each) => each.downRate)}, ` +
    `up ${rate((each) => each.upRate)}`;
}
