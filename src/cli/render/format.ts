/** Numbers as a person reads them: sizes and rates in units of 1024, times, percent. */
import { formatNumber } from "../../util/format_number.ts";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** "0 B", "999 B", "1.50 KiB", "64.0 MiB", "731 GiB": three digits. */
export function formatSize(bytes: number): string {
  let value = bytes, unit = 0;
  // 1023.5 would be rounded up to 1024 of the smaller unit.
  while (value >= 1023.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  if (unit === 0) return `${Math.round(value)} B`;
  const decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(decimals)} ${UNITS[unit]}`;
}

/** `rate` in bytes a second. */
export function formatRate(rate: number): string {
  return `${formatSize(rate)}/s`;
}

/** "0.4 s", "12 s", "3 min 05 s", "2 h 07 min", "4 d 03 h"; "?" for null and infinite values. */
export function formatDuration(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds) || seconds < 0) return "?";
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return pair(whole, 60, "min", 1, "s");
  if (whole < 86400) return pair(whole, 3600, "h", 60, "min");
  return pair(whole, 86400, "d", 3600, "h");
}

function pair(seconds: number, big: number, bigName: string, small: number, smallName: string) {
  const rest = Math.floor((seconds % big) / small);
  return `${Math.floor(seconds / big)} ${bigName} ${String(rest).padStart(2, "0")} ${smallName}`;
}

/** "42.3%". Never "100.0%" before it is complete; an empty torrent is complete. */
export function formatPercent(part: number, whole: number): string {
  if (whole <= 0 || part >= whole) return "100%";
  return `${Math.min(99.9, Math.floor(part / whole * 1000) / 10).toFixed(1)}%`;
}

/** "1 file", "2 files", "1,234 pieces". */
export function formatCount(count: number, noun: string): string {
  return `${formatNumber(count)} ${noun}${count === 1 ? "" : "s"}`;
}

export { formatNumber };

/** "2026-12-01 00:00 UTC", from milliseconds since 1970. */
export function formatUtc(wallTime: number): string {
  return `${new Date(wallTime).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
