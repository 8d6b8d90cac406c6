import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClientLimits } from "../../src/client/client_limits.ts";
import { isWithin, RateSchedule } from "../../src/client/rate_schedule.ts";
import { HandClock } from "../harness/clock.ts";

const HOUR = 3_600_000, DAY = 24 * HOUR;
/** Sunday, 6 December 2026, 00:00 UTC. */
const SUNDAY = Date.UTC(2026, 11, 6);

/** A clock whose wall time starts on a Sunday. */
class WeekClock extends HandClock {
  offset = 0;

  override wallTime(): number {
    return SUNDAY + this.now();
  }

  override utcOffset(): number {
    return this.offset;
  }
}

function at(day: number, time: string): number {
  const [hours, minutes] = time.split(":");
  return SUNDAY + day * DAY + Number(hours) * HOUR + Number(minutes) * 60_000;
}

describe("isWithin", () => {
  const day = [{ days: [1, 2], from: "08:00", to: "17:30" }];
  const night = [{ days: [5], from: "22:00", to: "06:00" }];

  it("knows days and times, the begin included and the end not", () => {
    const cases: [number, string, boolean][] = [
      [1, "07:59", false],
      [1, "08:00", true],
      [2, "17:29", true],
      [2, "17:30", false],
      [0, "12:00", false],
      [3, "12:00", false],
    ];
    for (const [weekday, time, expected] of cases) {
      assert.equal(isWithin(day, at(weekday, time), 0), expected, `${weekday} ${time}`);
    }
  });

  it("goes over midnight, and into the next week", () => {
    assert.equal(isWithin(night, at(5, "21:59"), 0), false);
    assert.equal(isWithin(night, at(5, "22:00"), 0), true);
    assert.equal(isWithin(night, at(6, "05:59"), 0), true);
    assert.equal(isWithin(night, at(6, "06:00"), 0), false);
    assert.equal(isWithin(night, at(5, "03:00"), 0), false);
    const saturday = [{ days: [6], from: "23:00", to: "01:00" }];
    assert.equal(isWithin(saturday, at(7, "00:30"), 0), true);
    assert.equal(isWithin([{ days: [3], from: "00:00", to: "24:00" }], at(3, "23:59"), 0), true);
    assert.equal(isWithin([{ days: [3], from: "00:00", to: "24:00" }], at(4, "00:00"), 0), false);
  });

  it("takes local time, also where that is another day", () => {
    assert.equal(isWithin(day, at(0, "22:30"), 600), true); // Monday, 08:30
    assert.equal(isWithin(day, at(1, "08:30"), -60), false); // 07:30
  });
});

describe("RateSchedule", () => {
  function started() {
    const clock = new WeekClock(0), limits = new ClientLimits(clock, 10);
    const schedule = new RateSchedule(clock, limits);
    schedule.setUsual({ down: 1000, up: 500 });
    schedule.setAlternative({
      limits: { down: 100 },
      schedule: [{ days: [0, 1, 2, 3, 4, 5, 6], from: "08:00", to: "20:00" }],
    });
    const passTo = (hour: number) => {
      while (clock.now() < hour * HOUR) {
        clock.pass(HOUR / 4);
        schedule.tick();
      }
    };
    return { clock, limits, schedule, passTo };
  }

  it("changes the limits at each begin and end; a way without limit keeps its usual one", () => {
    const { limits, passTo } = started();
    assert.deepEqual(limits.rates, { down: 1000, up: 500 });
    passTo(8);
    assert.deepEqual(limits.rates, { down: 100, up: 500 });
    passTo(20);
    assert.deepEqual(limits.rates, { down: 1000, up: 500 });
    passTo(32);
    assert.deepEqual(limits.rates, { down: 100, up: 500 });
  });

  it("lets a switch by hand hold until the next begin or end", () => {
    const { limits, schedule, passTo } = started();
    passTo(10);
    schedule.setAlternative({ on: false });
    passTo(19);
    assert.deepEqual(limits.rates, { down: 1000, up: 500 });
    passTo(22);
    schedule.setAlternative({ on: true });
    passTo(31);
    assert.deepEqual(limits.rates, { down: 100, up: 500 });
    passTo(33);
    assert.equal(schedule.isOn, true);
    passTo(44);
    assert.equal(schedule.isOn, false);
  });

  it("takes settings that are given as a whole for no switch", () => {
    const { schedule, passTo } = started();
    const whole = {
      on: false,
      schedule: [{ days: [0, 1, 2, 3, 4, 5, 6], from: "08:00", to: "20:00" }],
    };
    passTo(10);
    schedule.setAlternative({ ...whole, limits: { down: 50 } });
    assert.equal(schedule.isOn, true);
    schedule.setAlternative({ ...whole, on: true });
    schedule.setAlternative(whole);
    assert.equal(schedule.isOn, false);
    passTo(33);
    assert.equal(schedule.isOn, true);
    schedule.setAlternative({ on: false, schedule: [], limits: {} });
    assert.equal(schedule.isOn, false);
  });

  it("follows summer time", () => {
    const { clock, schedule, passTo } = started();
    passTo(7);
    clock.offset = 60;
    schedule.tick();
    assert.equal(schedule.isOn, true);
  });

  it("goes by the switch alone without a schedule", () => {
    const { limits, schedule, passTo } = started();
    schedule.setAlternative({ schedule: [], on: true });
    passTo(50);
    assert.equal(limits.rates.down, 100);
    schedule.setAlternative({ on: false });
    assert.equal(limits.rates.down, 1000);
  });
});
