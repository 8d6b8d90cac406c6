/** The watch folders of a daemon, as its settings have them at present. */
import type { AddOptions } from "../../client/types.ts";
import type { DaemonModule, DaemonParts } from "../daemon.ts";
import type { WatchSetting } from "../options.ts";
import { Roots } from "../roots.ts";
import type { DaemonSettings } from "../settings.ts";
import { WatchFolder, type WatchPorts } from "./watch_folder.ts";

export function startWatch(parts: DaemonParts): DaemonModule {
  const { platform: { clock, files }, client, settings, log } = parts, roots = new Roots(parts);
  const ports: WatchPorts = {
    clock,
    files,
    client,
    log,
    options: (folder) => optionsOf(folder, settings.present, roots.downloadDir),
  };
  const open = () => settings.present.watch.map((folder) => new WatchFolder(folder, ports));
  let folders = open();
  const forget = settings.onChange(async (names) => {
    if (!names.includes("watch")) return;
    await closeAll(folders);
    folders = open();
  });
  return {
    close: async () => {
      forget();
      await closeAll(folders);
    },
  };
}

async function closeAll(folders: readonly WatchFolder[]): Promise<void> {
  await Promise.all(folders.map((folder) => folder.close()));
}

/** The folder of the label comes before the one for all torrents. */
function optionsOf(
  { into, label }: WatchSetting,
  { torrents, labels }: DaemonSettings,
  downloadDir: string,
): AddOptions {
  const ofLabel = label === undefined ? undefined : labels?.[label]?.dir;
  return {
    ...torrents,
    dir: into ?? ofLabel ?? downloadDir,
    ...(label === undefined ? {} : { labels: [label] }),
  };
}
