/** `shoal config`: shows and changes the settings. */
import { rowOf } from "../../daemon/setting_rows.ts";
import type { FileSettings, SettingView } from "../../daemon/settings.ts";
import { type Flags, toggle } from "../args.ts";
import { type CliContext, defineCommand } from "../command.ts";
import { CONFIG_FLAG, configPath, openSettings } from "../config_settings.ts";
import { EXIT_DONE, UsageError } from "../errors.ts";
import { newPassword } from "../password_prompt.ts";
import { safeText } from "../render/text.ts";
import { plainFrom, textNamed } from "../setting_texts.ts";

const FLAGS = {
  config: CONFIG_FLAG,
  json: toggle("Print the settings as JSON, each with its value and source"),
} satisfies Flags;

export const configCommand = defineCommand({
  name: "config",
  operands: "[set NAME VALUE | unset NAME | password | path]",
  count: [0, 3],
  summary: "Shows each setting and its source, or changes config.jsonc",
  details:
    "The source of a value is a flag, the environment (SHOAL_...), the file or the default. set and\n" +
    "unset keep the comments of the file; a running daemon reads it again on SIGHUP. path prints where\n" +
    "the file is; password asks for the password of the API and keeps its hash.",
  examples: [
    "shoal config",
    "shoal config set up-limit 5M",
    "shoal config set torrents.seedGoal ratio:2",
    "shoal config unset limits",
    "shoal config password",
  ],
  flags: FLAGS,
  async run(context, values, operands) {
    const { platform, output } = context, [what, ...rest] = operands;
    if (what === "path") {
      output.line(pathOf(context, values.config));
      return EXIT_DONE;
    }
    if (what === "password") {
      await changePassword(context, values.config);
      return EXIT_DONE;
    }
    if (what === undefined) {
      const settings = await openSettings(platform, values.config);
      output.write(values.json ? jsonOf(settings) : tableOf(settings));
      return EXIT_DONE;
    }
    await change(context, values.config, what, rest);
    return EXIT_DONE;
  },
});

function pathOf({ platform: { process, files } }: CliContext, named: string | null): string {
  const path = configPath(named, process);
  if (path === null) throw new UsageError("HOME is not set: name a file with --config");
  return files.absolute(path);
}

async function change(
  context: CliContext,
  named: string | null,
  what: string,
  [name, ...values]: readonly string[],
): Promise<void> {
  const { platform: { files } } = context, path = pathOf(context, named);
  if (name === undefined) throw new UsageError(`Missing NAME: shoal config ${what} NAME`);
  if (what === "unset" && values.length === 0) {
    const setting = rowOf(name) ?? textNamed(name).setting;
    return await (await fileAlone(context, path)).update({ [setting.name]: undefined });
  }
  if (what !== "set" || values.length !== 1) {
    throw new UsageError("Usage: shoal config set NAME VALUE, shoal config unset NAME");
  }
  const text = textNamed(name), plain = plainFrom(text, values[0]!, files);
  const whole = text.part === undefined ? plain : { [text.part]: plain };
  await (await fileAlone(context, path)).update({ [text.setting.name]: whole });
}

async function changePassword(context: CliContext, named: string | null): Promise<void> {
  const { platform, output } = context, path = pathOf(context, named);
  const { hashPassword } = await import("../../daemon/http/password.ts");
  const password = await hashPassword(platform, await newPassword(platform));
  await (await fileAlone(context, path)).update({ password });
  output.line("The password is set. A running daemon takes it after SIGHUP.");
}

/** Without the environment, which is not what is changed. */
async function fileAlone({ platform: { files } }: CliContext, path: string): Promise<FileSettings> {
  const { FileSettings } = await import("../../daemon/settings.ts");
  return await FileSettings.open(files, path);
}

function jsonOf(settings: FileSettings): string {
  const views = settings.list().map(({ name, value = null, source }) => ({ name, value, source }));
  return `${JSON.stringify(views, null, 2)}\n`;
}

function tableOf(settings: FileSettings): string {
  const rows = settings.list().map((view) => [view.name, shown(view), view.source] as const);
  const width = (column: 0 | 1) => Math.min(40, Math.max(...rows.map((row) => row[column].length)));
  const [first, second] = [width(0), width(1)];
  return rows.map(([name, value, source]) => {
    return `${name.padEnd(first)}  ${value.padEnd(second)}  ${source}\n`;
  }).join("");
}

/** Hashes of passwords and tokens are nobody's business either. */
function shown({ name, value }: SettingView): string {
  if (value === undefined) return "-";
  if (name === "password") return value === "" ? "none" : "set";
  if (name === "tokens") return `${(value as readonly unknown[]).length} tokens`;
  return safeText(JSON.stringify(value));
}
