/** Weekly windows of the setting "alternative" as a grid of 7 x 24 hours, and back. */

/** @typedef {{ days: number[], from: string, to: string }} Window */

const HOURS = 24, DAYS = 7;

/** By day and hour, at day * 24 + hour; day 0 is Sunday. @param {readonly Window[]} windows */
export function hoursOf(windows) {
  const hours = Array.from({ length: DAYS * HOURS }, () => false);
  for (const { days, from, to } of windows) {
    const begin = minutesOf(from),
      end = minutesOf(to),
      length = end > begin ? end - begin : end - begin + 1440;
    for (const day of days) {
      const start = day * 1440 + begin;
      for (let at = Math.floor(start / 60); at * 60 < start + length; at++) {
        hours[at % (DAYS * HOURS)] = true;
      }
    }
  }
  return hours;
}

/** As few windows as whole days allow. @param {readonly boolean[]} hours @returns {Window[]} */
export function windowsOf(hours) {
  /** @type {Map<string, Window>} */
  const windows = new Map();
  for (let day = 0; day < DAYS; day++) {
    for (let hour = 0; hour < HOURS; hour++) {
      if (!hours[day * HOURS + hour]) continue;
      let end = hour + 1;
      while (end < HOURS && hours[day * HOURS + end]) end++;
      const from = clock(hour), to = clock(end), key = from + to;
      const window = windows.get(key);
      if (window) window.days.push(day);
      else windows.set(key, { days: [day], from, to });
      hour = end;
    }
  }
  return [...windows.values()];
}

/** @param {string} time */
function minutesOf(time) {
  const [hours = 0, minutes = 0] = time.split(":").map(Number);
  return hours * 60 + minutes;
}

/** @param {number} hour */
const clock = (hour) => `${String(hour).padStart(2, "0")}:00`;
