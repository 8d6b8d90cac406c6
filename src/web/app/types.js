/**
 * What the API sends.
 *
 * @typedef {{
 *   infoHash: string, name: string, state: string, labels: readonly string[], dir: string,
 *   size: number, wanted: number, have: number, left: number, downloaded: number, uploaded: number,
 *   downRate: number, upRate: number, etaSeconds: number | null, checked: number | null,
 *   connected: number, seeds: number, known: number, addedAt: number, completedAt: number | null,
 *   queuePosition: number | null, goalReached: boolean, heldBackBy: string, error: string | null,
 *   tracker: string, trackerError: string | null,
 * }} Row
 *
 * @typedef {{ torrents: number, downRate: number, upRate: number, port: number }} Session
 *
 * @typedef {{ torrents: Record<string, Row>, session: Session }} Snapshot
 *
 * @typedef {{
 *   torrents: Record<string, Partial<Row>>, removed: readonly string[], session: Session,
 * }} Delta
 *
 * @typedef {{ kind: "state" | "label" | "tracker", value: string }} Filter
 * @typedef {{ by: string, down: boolean }} Sort
 */

export {};
