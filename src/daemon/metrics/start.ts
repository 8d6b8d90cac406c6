/** The daemon's metrics at GET /metrics, pushed by OTLP where that is set up. */
import type { HttpPart, HttpParts } from "../http/parts.ts";
import type { DaemonSettings } from "../settings.ts";
import { Metrics } from "./metrics.ts";
import { OtlpPush } from "./otlp_push.ts";
import { otlpSettings } from "./otlp_settings.ts";

export function startMetrics({ platform, client, settings, log, stateDir }: HttpParts): HttpPart {
  const metrics = new Metrics({
    platform,
    client,
    folders: () => foldersOf(settings.present, stateDir),
    perTorrent: () => settings.present.torrentMetrics,
  });
  const { clock, http, process } = platform, { otlp } = settings.present;
  const pushed = otlpSettings((name) => process.env(name), otlp);
  const push = pushed && new OtlpPush(pushed, { clock, http, metrics, log });
  return {
    mounts: [{
      path: "/metrics",
      needs: "read",
      maxBody: 0,
      types: null,
      asksForPassword: true,
      handler: metrics.serve,
    }],
    close: async () => {
      await push?.close();
      metrics.close();
    },
  };
}

/** Where torrents go by default and by label, and the state folder. */
function foldersOf({ torrents, labels }: DaemonSettings, stateDir: string): string[] {
  const ofLabels = Object.values(labels ?? {}).map(({ dir }) => dir);
  const folders = [torrents.dir, ...ofLabels, stateDir].filter((dir) => dir !== undefined);
  return [...new Set(folders)];
}
