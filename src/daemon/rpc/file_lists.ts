/** The lists of files in torrent-add and torrent-set. An empty list means all files. */
import { PRIORITIES } from "./file_rows.ts";
import { RpcError } from "./rpc_error.ts";

type List = readonly number[] | undefined;

export interface FileLists {
  readonly unwanted: List;
  readonly wanted: List;
  readonly high: List;
  readonly low: List;
  readonly normal: List;
}

/**
 * Our priorities by our file numbers. `numbers` are these numbers in the order in which clients count
 * the files. Throws an RpcError.
 */
export function chooseFiles(
  numbers: readonly number[],
  { unwanted, wanted, high, low, normal }: FileLists,
  present: ReadonlyMap<number, number>,
): Map<number, number> {
  const chosen = new Map(numbers.map((file) => [file, present.get(file) ?? PRIORITIES.normal]));
  const named = (list: List) => list === undefined ? [] : filesOf(numbers, list);
  const prefer = (list: List, priority: number) => {
    for (const file of named(list)) if (chosen.get(file) !== 0) chosen.set(file, priority);
  };
  const skipped = named(unwanted);
  for (const file of named(wanted)) {
    if (chosen.get(file) === 0) chosen.set(file, PRIORITIES.normal);
  }
  prefer(high, PRIORITIES.high);
  prefer(low, PRIORITIES.low);
  prefer(normal, PRIORITIES.normal);
  const wantedToo = new Set(named(wanted));
  for (const file of skipped) if (!wantedToo.has(file)) chosen.set(file, 0);
  return chosen;
}

function filesOf(numbers: readonly number[], list: readonly number[]): readonly number[] {
  if (list.length === 0) return numbers;
  return list.map((at) => {
    const file = numbers[at];
    if (file === undefined) throw new RpcError("file-index", "file index out of range");
    return file;
  });
}
