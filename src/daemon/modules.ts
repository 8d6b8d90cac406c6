/** The modules of a daemon, in the order in which they start. */
import type { StartModule } from "./daemon.ts";
import { startHooks } from "./hooks/start.ts";
import { startHttp } from "./http/server.ts";
import { startWatch } from "./watch/start.ts";

export const MODULES: readonly StartModule[] = [startHooks, startHttp, startWatch];
