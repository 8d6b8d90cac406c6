/** The queries of docs/grafana.json. */
import { readFileSync } from "node:fs";

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

/** `rateInterval` takes the place of Grafana's own variable. */
export function dashboardQueries(rateInterval: string): { title: string; query: string }[] {
  const url = new URL("../../docs/grafana.json", import.meta.url);
  const { panels } = JSON.parse(readFileSync(url, "utf8")) as { panels: readonly Panel[] };
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({
      title,
      query: expr.replaceAll("$__rate_interval", rateInterval),
    }))
  );
}
