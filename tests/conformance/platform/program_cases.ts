import assert from "node:assert/strict";
import { type AddCase, rejectsWith } from "./subject.ts";

export function programCases(add: AddCase): void {
  add(
    "programs.start gives the arguments and exactly the environment, and keeps the output",
    async (t) => {
      const { here } = t, argv = t.program("tell"), env = { ONE: "1 $HOME `x`" };
      const running = await here.programs.start({ argv: [...argv, "a b"], env, maxOutput: 1000 });
      const { code, output } = await running.ended;
      assert.equal(code, 3);
      assert.match(output, /^ONE=1 \$HOME `x`$/m);
      assert.match(output, /^argument a b$/m);
      assert.doesNotMatch(output, /^(HOME|USER|SHOAL\w*|PATH)=/m);
    },
  );

  add("programs.start keeps no more of the output than asked", async (t) => {
    const { here } = t, argv = [...t.program("tell"), "end"];
    const { ended } = await here.programs.start({ argv, env: {}, maxOutput: 4 });
    assert.equal((await ended).output, "end\n");
  });

  add("programs.start of a program that is missing fails", async ({ here, dir }) => {
    const missing = { argv: [`${dir}/missing`], env: {}, maxOutput: 0 };
    await rejectsWith(here.programs.start(missing), "not-found");
  });

  add("RunningProgram.end ends a program, and does no harm afterwards", async (t) => {
    const { here } = t, start = { argv: t.program("stay"), env: {}, maxOutput: 10 };
    const running = await here.programs.start(start);
    running.end();
    assert.equal((await running.ended).code, null);
    running.end();
  });
}
