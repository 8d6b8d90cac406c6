/** `shoal daemon`: keeps torrents going until a signal ends it. */
import { clientStatus } from "../../daemon/status_line.ts";
import type { Daemon } from "../../daemon/daemon.ts";
import { DaemonLog } from "../../daemon/log.ts";
import { ServiceManager } from "../../daemon/service.ts";
import type { FileSettings } from "../../daemon/settings.ts";
import type { Platform } from "../../platform/types.ts";
import { ShoalError } from "../../util/errors.ts";
import type { Values } from "../../daemon/config_file.ts";
import type { Flags } from "../args.ts";
import { defineCommand } from "../command.ts";
import { CONFIG_FLAG, openSettings } from "../config_settings.ts";
import { EXIT_DONE, UsageError } from "../errors.ts";
import { type Interrupt, watchInterrupt, within } from "../interrupt.ts";
import { optional } from "../option_flags.ts";
import { settingFlags, settingsInFlags } from "../setting_texts.ts";
import { stateFolder } from "../state_folder.ts";
import { notEmpty } from "../values.ts";

const FLAGS: Flags = {
  config: CONFIG_FLAG,
  "state-dir": optional(
    "DIR",
    "Folder for the torrents and their progress (default: ~/.local/state/shoal)",
    notEmpty,
  ),
  ...settingFlags(),
};

export const daemonCommand = defineCommand({
  name: "daemon",
  operands: "",
  count: [0, 0],
  summary: "Keeps torrents going in the background, and serves the API",
  details:
    "Restores all torrents of the state folder and stays in the foreground until SIGTERM or Ctrl-C.\n" +
    "SIGHUP reads the configuration again. Each flag is also a setting of config.jsonc and a variable\n" +
    "of the environment: --up-limit 5M, SHOAL_UP_LIMIT=5M; shoal config shows all of them.",
  examples: [
    "shoal daemon --dir ~/Downloads --up-limit 5M",
    "shoal daemon --config /etc/shoal/config.jsonc --state-dir /var/lib/shoal",
  ],
  flags: FLAGS,
  async run({ platform }, given) {
    const values = given as Values;
    const flags = settingsInFlags(values, platform.files);
    const settings = await openSettings(platform, values["config"], flags);
    const stateDir = stateDirFor(values, settings, platform);
    const log = new DaemonLog(platform, () => settings.present);
    const interrupt = watchInterrupt(platform, () => log.flush());
    try {
      await runDaemon({ platform, settings, log, stateDir }, interrupt);
    } finally {
      interrupt.release();
      await log.flush();
    }
    return EXIT_DONE;
  },
});

interface Run {
  readonly platform: Platform;
  readonly settings: FileSettings;
  readonly log: DaemonLog;
  readonly stateDir: string;
}

function stateDirFor(
  values: Values,
  { present }: FileSettings,
  { process, files }: Platform,
): string {
  const dir = values["state-dir"] ?? present.stateDir ?? stateFolder(process);
  if (typeof dir === "string") return files.absolute(dir);
  throw new UsageError("HOME is not set: name a folder with --state-dir");
}

/** What is left of the 10 s that an end may take, if it is asked for during the start. */
const OPENING_LIMIT_MS = 3000;

async function runDaemon(run: Run, interrupt: Interrupt): Promise<void> {
  const { platform, settings, log, stateDir } = run, service = new ServiceManager(platform);
  // From the start: SIGHUP must not end a daemon that is still restoring its torrents.
  const hangup = platform.process.onHangup(() => void reload(run, service));
  try {
    const { Daemon } = await import("../../daemon/daemon.ts");
    const opening = Daemon.open(platform, { settings, log, stateDir });
    await Promise.race([opening, interrupt.asked]);
    if (!interrupt.requested) await serve(await opening, run, service, interrupt);
    service.stopping();
    log.info("Stopping and telling the trackers; a second signal ends at once");
    const closing = opening.then((daemon) => daemon.close());
    await within(platform.clock, OPENING_LIMIT_MS, opening) && await closing;
  } finally {
    hangup.cancel();
  }
}

/** Until a signal or a caller of the API asks for the end. */
async function serve(
  { client, endAsked }: Daemon,
  { log, stateDir, platform }: Run,
  service: ServiceManager,
  interrupt: Interrupt,
): Promise<void> {
  log.info("Ready", { pid: platform.process.pid, state: stateDir, port: client.port });
  service.ready(() => clientStatus(client.figures()));
  await Promise.race([interrupt.asked, endAsked]);
}

async function reload({ settings, log }: Run, service: ServiceManager): Promise<void> {
  service.reloading();
  try {
    const names = await settings.reload();
    log.info("Read the configuration again", { changed: names.join(", ") || "nothing" });
  } catch (error) {
    if (!(error instanceof ShoalError || error instanceof RangeError)) throw error;
    log.error(`The settings stay as they were: ${error.message}`);
  }
  service.reloaded();
}
