/** The programs of a simulated machine: functions that a test installs under a path. */
import { FileError } from "../../../src/util/errors.ts";
import type {
  ProgramEnd,
  Programs,
  ProgramStart,
  RunningProgram,
} from "../../../src/platform/types.ts";
import type { SimHost } from "./host.ts";

/** `afterMs`: how long it runs; Infinity: until it is ended. */
export type SimProgram = (start: ProgramStart) => Partial<ProgramEnd> & { afterMs?: number };

export class SimPrograms implements Programs {
  /** All that were started, oldest first. */
  readonly started: ProgramStart[] = [];
  /** Those that run now. */
  running = 0;
  readonly #host: SimHost;
  readonly #installed = new Map<string, SimProgram>();

  constructor(host: SimHost) {
    this.#host = host;
  }

  install(path: string, program: SimProgram): void {
    this.#installed.set(path, program);
  }

  start(start: ProgramStart): Promise<RunningProgram> {
    const path = start.argv[0] ?? "", program = this.#installed.get(path);
    if (program === undefined) {
      return Promise.reject(
        new FileError("not-found", path, `Cannot start ${path}: no such file`),
      );
    }
    this.started.push(start);
    this.running++;
    const { code = 0, output = "", afterMs = 1 } = program(start);
    const { promise: ended, resolve } = Promise.withResolvers<ProgramEnd>();
    const finish = (end: ProgramEnd) => {
      this.running--;
      resolve({ ...end, output: end.output.slice(-start.maxOutput) });
    };
    const timer = afterMs === Infinity
      ? null
      : this.#host.after(afterMs, () => finish({ code, output }));
    let isOver = false;
    void ended.then(() => isOver = true);
    const end = () => {
      if (isOver) return;
      timer?.cancel();
      finish({ code: null, output });
    };
    return Promise.resolve({ ended, end });
  }
}
