/** The map of verified pieces, and how many copies the connected peers have. */
import { useEffect, useRef } from "preact/hooks";
import { ask } from "./api.js";
import { count, size } from "./format.js";
import { bitsOf, bucketsOf } from "./piece_map.js";
import { T } from "./texts.js";
import { Failure, html, useLoaded } from "./ui.js";

const EVERY_MS = 3000;
const WIDTH = 1000, HEIGHT = 24;

/** @param {{ infoHash: string }} props */
export function PiecesTab({ infoHash }) {
  const { value, error } = useLoaded(
    () =>
      Promise.all([
        ask(`GET /torrents/${infoHash}/pieces`),
        ask(`GET /torrents/${infoHash}/peers`),
      ]),
    infoHash,
    EVERY_MS,
  );
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const bits = value === null ? null : bitsOf(value[0].have, value[0].count);
  useEffect(() => {
    if (bits !== null && canvas.current !== null) draw(canvas.current, bits);
  });
  if (error !== null && /** @type {any} */ (error).code === "not-yet") {
    return html`<p class="mute">${T.pieces.unknown}</p>`;
  }
  if (value === null || bits === null) return html`<${Failure} error=${error} />`;
  const [pieces, { peers }] = value, have = bits.filter(Boolean).length;
  const words = T.pieces.summary(count(have), count(pieces.count), size(pieces.length));
  const copies = peers.reduce(
    (/** @type {number} */ sum, /** @type {any} */ peer) => sum + peer.progress,
    0,
  );
  return html`
    <p>${words}</p>
    <canvas ref=${canvas} width=${WIDTH} height=${HEIGHT} role="img"
      aria-label=${words} class="pieces" />
    <p
      class="legend"><span class="have">■ ${T.pieces.have}</span> <span class="lack">■ ${T.pieces
        .missing}</span></p>
    <p>${T.pieces.availability(
      new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 }).format(copies),
    )}</p>
  `;
}

/** @param {HTMLCanvasElement} canvas @param {readonly boolean[]} bits */
function draw(canvas, bits) {
  const context = canvas.getContext("2d"), style = getComputedStyle(canvas);
  if (context === null) return;
  context.fillStyle = style.getPropertyValue("--bar");
  context.fillRect(0, 0, WIDTH, HEIGHT);
  context.fillStyle = style.getPropertyValue("--acc");
  const buckets = bucketsOf(bits, WIDTH), width = WIDTH / buckets.length;
  for (const [at, share] of buckets.entries()) {
    if (share === 0) continue;
    context.globalAlpha = share;
    context.fillRect(at * width, 0, Math.ceil(width), HEIGHT);
  }
  context.globalAlpha = 1;
}
