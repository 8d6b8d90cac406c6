/**
 * `npm run bench -- siege`: what is left of the rate of one leech while a thousand silent connections
 * are held open. Linux only: the silent ones come from many addresses of the loopback network.
 *
 *   --seconds N   how long each siege is measured (default 5)
 *   --turns N     sieges, each after as long a quiet time (default 3)
 */
import { parseArgs } from "node:util";
import { HonestLeech, type Victim } from "../../tests/hostile/raw_leech.ts";
import { Siege, SIEGE_CONNECTIONS } from "../../tests/hostile/siege.ts";
import { Scene } from "../../tests/interop/scene.ts";
import { seedWithShoal } from "../../tests/interop/seeders.ts";
import { until } from "../../tests/interop/until.ts";
import { positive } from "./common.ts";

const MIB = 1024 * 1024;
const spec = {
  name: "besieged.bin",
  pieceLength: MIB / 4,
  files: [{ path: "besieged.bin", size: 64 * MIB }],
};

export async function siegeBench(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: "string", default: "5" },
      turns: { type: "string", default: "3" },
    },
  });
  const seconds = positive(values.seconds, "--seconds"), turns = positive(values.turns, "--turns");
  const scene = new Scene();
  try {
    const payload = scene.payload(spec), { infoHash } = payload;
    const { port } = await seedWithShoal(scene, payload, ["--trust"]);
    const victim: Victim = { port, infoHash, pieceLength: spec.pieceLength, pieces: 256 };
    const leech = new HonestLeech(victim), quiet: number[] = [], besieged: number[] = [];
    await until("the leech is served", () => leech.got > 64 * MIB);
    for (let turn = 0; turn < turns; turn++) {
      quiet.push(...await rates(leech, seconds));
      const siege = new Siege(victim);
      await until("all have knocked", () => siege.opened >= SIEGE_CONNECTIONS);
      besieged.push(...await rates(leech, seconds));
      siege.lift();
    }
    leech.close();
    const [before, during] = [median(quiet), median(besieged)];
    console.log(
      `MiB/s, medians of ${quiet.length} seconds: ${(before / MIB).toFixed(0)} alone, ` +
        `${(during / MIB).toFixed(0)} besides ${SIEGE_CONNECTIONS} silent connections ` +
        `(${(during / before).toFixed(2)}, goal 0.9)`,
    );
    return during >= 0.9 * before ? 0 : 1;
  } finally {
    await scene.close();
  }
}

/** Bytes a second in each of so many seconds. */
async function rates(leech: HonestLeech, seconds: number): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < seconds; i++) {
    const [from, at] = [leech.got, performance.now()];
    await new Promise((resolve) => setTimeout(resolve, 1000));
    found.push((leech.got - from) / (performance.now() - at) * 1000);
  }
  return found;
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;
