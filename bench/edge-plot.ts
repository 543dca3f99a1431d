/** Log-log charts as SVG, side by side; lines are named at their ends. */

export interface Series {
  readonly label: string;
  readonly color: string;
  readonly points: ReadonlyArray<readonly [x: number, y: number]>;
  readonly dashed?: boolean;
}

export interface Chart {
  readonly title: string;
  readonly series: readonly Series[];
}

const WIDTH = 620;
const HEIGHT = 460;
const PLOT = { left: 56, top: 52, width: 340, height: 350 };
const LINE = 15;

export function svg(charts: readonly Chart[], xTitle: string): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH * charts.length} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#333">`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    ...charts.map((chart, n) => `<g transform="translate(${n * WIDTH} 0)">\n${chartOf(chart, xTitle)}\n</g>`),
    '</svg>',
    '',
  ].join('\n');
}

function chartOf({ title, series }: Chart, xTitle: string): string {
  const points = series.flatMap((one) => one.points);
  const x = axis(points.map(([value]) => value), PLOT.left, PLOT.width);
  const y = axis(points.map(([, value]) => value), PLOT.top + PLOT.height, -PLOT.height);
  const bottom = PLOT.top + PLOT.height;
  const right = PLOT.left + PLOT.width;
  return [
    text(PLOT.left, 28, title, 'font-size="15" font-weight="bold"'),
    ...x.decades.map((value) => line([[x.at(value), PLOT.top], [x.at(value), bottom]], '#ddd') + text(x.at(value), bottom + 18, short(value), 'text-anchor="middle"')),
    ...y.decades.map((value) => line([[PLOT.left, y.at(value)], [right, y.at(value)]], '#ddd') + text(PLOT.left - 6, y.at(value) + 4, short(value), 'text-anchor="end"')),
    text(PLOT.left + PLOT.width / 2, bottom + 40, xTitle, 'text-anchor="middle"'),
    ...series.map((one) => line(one.points.map(([a, b]) => [x.at(a), y.at(b)]), one.color, 2, one.dashed)),
    ...series.flatMap((one) => one.points.map(([a, b]) => `<circle cx="${round(x.at(a))}" cy="${round(y.at(b))}" r="2.5" fill="${one.color}"/>`)),
    ...apart(series.map(({ points: all }) => y.at(all.at(-1)![1]))).map((at, n) => {
      const [lastX, lastY] = series[n].points.at(-1)!;
      const leader = line([[x.at(lastX), y.at(lastY)], [right + 10, at]], series[n].color, 0.5);
      return leader + text(right + 13, at + 4, series[n].label, `fill="${series[n].color}"`);
    }),
  ].join('\n');
}

/** From the decade below the least value to the one above the greatest. */
function axis(values: readonly number[], start: number, length: number): { readonly decades: readonly number[]; at(value: number): number } {
  const from = Math.floor(Math.log10(Math.min(...values)));
  const to = Math.ceil(Math.log10(Math.max(...values)));
  return {
    decades: Array.from({ length: to - from + 1 }, (_, n) => 10 ** (from + n)),
    at: (value) => start + length * (Math.log10(value) - from) / (to - from),
  };
}

/** Moves labels up and down until none covers another. */
function apart(wanted: readonly number[]): readonly number[] {
  const order = wanted.map((_, n) => n).sort((a, b) => wanted[a] - wanted[b]);
  const places = [...wanted];
  for (let n = 1; n < order.length; n++) places[order[n]] = Math.max(places[order[n]], places[order[n - 1]] + LINE);
  let limit = PLOT.top + PLOT.height;
  for (const n of order.reverse()) {
    places[n] = Math.min(places[n], limit);
    limit = places[n] - LINE;
  }
  return places;
}

function line(points: ReadonlyArray<readonly [number, number]>, color: string, width = 1, dashed = false): string {
  const path = points.map(([x, y]) => `${round(x)},${round(y)}`).join(' ');
  return `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="${width}"${dashed ? ' stroke-dasharray="5 4"' : ''}/>`;
}

function text(x: number, y: number, content: string, more: string): string {
  return `<text x="${round(x)}" y="${round(y)}" ${more}>${content}</text>`;
}

function short(value: number): string {
  return value >= 1e9 ? `${value / 1e9} G` : value >= 1e6 ? `${value / 1e6} M` : value >= 1e3 ? `${value / 1e3} k` : String(value);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
