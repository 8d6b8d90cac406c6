/** The speed of the last two minutes as two lines. */
import { size } from "./format.js";
import { T } from "./texts.js";
import { html } from "./ui.js";

const WIDTH = 320, HEIGHT = 90, SECONDS = 120;

/** @param {{ rates: readonly [number, number][] }} props */
export function Chart({ rates }) {
  const fastest = Math.max(0, ...rates.flat()), most = Math.max(1, fastest);
  const words = T.overview.chart(T.units.aSecond(size(fastest)));
  const points = (/** @type {0 | 1} */ way) =>
    rates.map((pair, i) => {
      const x = (SECONDS - rates.length + i) / (SECONDS - 1) * WIDTH;
      return `${x.toFixed(1)},${(HEIGHT - 2 - pair[way] / most * (HEIGHT - 6)).toFixed(1)}`;
    }).join(" ");
  return html`
    <svg class="chart" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img"
      preserveAspectRatio="none" aria-label=${words}>
      <polyline class="dn" points=${points(0)} />
      <polyline class="up" points=${points(1)} />
    </svg>
    <p class="legend"><span class="dn">▬ ${T.down}</span> <span class="up">▬ ${T.up}</span>
          <span class="mute">${words}</span></p>
  `;
}
