/**
 * What is fuzzed: every decoder of bytes from outside, and every state machine behind them. Each
 * family of targets has a file in `targets/`.
 */
import type { FuzzTarget } from "./target.ts";
import { announceTargets } from "./targets/announces.ts";
import { chokerTargets } from "./targets/choker.ts";
import { createTargets } from "./targets/create.ts";
import { datagramTargets, textTargets } from "./targets/datagrams.ts";
import { dhtSearchTargets } from "./targets/dht_search.ts";
import { dhtServerTargets } from "./targets/dht_server.ts";
import { dhtTableTargets } from "./targets/dht_table.ts";
import { dictionaryTargets } from "./targets/dictionaries.ts";
import { metadataTargets } from "./targets/metadata.ts";
import { pexTargets } from "./targets/pex.ts";
import { pieceTargets } from "./targets/pieces.ts";
import { poolTargets } from "./targets/pool.ts";
import { requestTargets } from "./targets/requests.ts";
import { sessionTargets } from "./targets/session.ts";
import { storageTargets } from "./targets/storage.ts";
import { trackerTargets } from "./targets/trackers.ts";

export function fuzzTargets(): FuzzTarget[] {
  return [
    ...dictionaryTargets(),
    ...datagramTargets(),
    ...textTargets(),
    ...sessionTargets(),
    ...dhtServerTargets(),
    ...dhtTableTargets(),
    ...dhtSearchTargets(),
    ...metadataTargets(),
    ...pexTargets(),
    ...poolTargets(),
    ...chokerTargets(),
    ...pieceTargets(),
    ...requestTargets(),
    ...announceTargets(),
    ...trackerTargets(),
    ...storageTargets(),
    ...createTargets(),
  ];
}
