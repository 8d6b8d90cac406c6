/** How far a torrent is: of the files that are wanted, not of all that it has. */
import type { TorrentSnapshot } from "../../client/types.ts";
import { formatSize } from "./format.ts";

type Amounts = Pick<TorrentSnapshot, "size" | "wanted" | "left">;

/** Verified bytes of the wanted files. */
export function haveOf({ wanted, left }: Pick<Amounts, "wanted" | "left">): number {
  return Math.max(0, wanted - left);
}

/** While existing data is checked the bar shows the check, else what is verified; 0 to 1. */
export function shownFraction(torrent: TorrentSnapshot): number {
  // Its size is not known yet, or it is not opened.
  const isUnknown = torrent.state === "finding" || torrent.state === "waiting";
  if (torrent.size === 0 && isUnknown) return 0;
  if (torrent.checked !== null) return torrent.checked;
  return torrent.wanted > 0 ? haveOf(torrent) / torrent.wanted : 1;
}

/** "12.0 MiB of 30.0 MiB". */
export function amountText(torrent: Pick<Amounts, "wanted" | "left">): string {
  return `${formatSize(haveOf(torrent))} of ${formatSize(torrent.wanted)}`;
}

/** Uploaded bytes for each byte that is wanted, as trackers and seed goals count. */
export function ratioText(uploaded: number, { wanted }: Pick<Amounts, "wanted">): string {
  return `ratio ${(wanted > 0 ? uploaded / wanted : 0).toFixed(2)}`;
}
