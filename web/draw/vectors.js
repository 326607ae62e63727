// SPDX-License-Identifier: Apache-2.0
// Words as vectors: off the line (1, …, 1), the cosine of each with each, and how far each turned.
import { node } from './svg.js';
import { paletteOf } from './palette.js';

const text = (x, y, content, more) => node('text', { x, y, 'font-size': 12, ...more }, content);

/// One arrow a word: its part along (1, …, 1) to the right, the length of the rest upwards. marked: numbers drawn bold.
export function arrows(found, sides, { width, dark, heads, marked, labels, format }) {
  const palette = paletteOf(dark), stacked = width < 520, w = stacked ? width : (width - 30) / 2, h = 210, svg = node('svg', { viewBox: `0 0 ${width} ${stacked ? 2 * h + 20 : h}`, role: 'img', 'aria-label': labels.title });
  sides.forEach(({ parts, count }, side) => {
    const along = Array.from({ length: count }, (_, k) => parts[2 * k]), off = Array.from({ length: count }, (_, k) => parts[2 * k + 1]);
    const most = Math.max(1e-12, ...off, ...along.map((v) => 2 * Math.abs(v))), x0 = (stacked ? 0 : side * (w + 30)) + w / 2, y0 = (stacked ? side * (h + 20) : 0) + h - 26, unit = Math.min(h - 60, w / 2 - 24) / most;
    const line = (x1, y1, x2, y2, stroke, more) => svg.append(node('line', { x1, y1, x2, y2, stroke, ...more }));
    line(x0 - w / 2 + 8, y0, x0 + w / 2 - 8, y0, palette.soft);
    line(x0, y0, x0, y0 - (h - 52), palette.soft);
    svg.append(text(x0 + w / 2 - 8, y0 + 16, labels.ones, { 'text-anchor': 'end', fill: palette.soft }), text(x0 - w / 2 + 8, y0 - h + 40, heads[side], { fill: palette.soft, 'font-weight': 600 }),
      text(x0 + 6, y0 - h + 58, labels.rest, { fill: palette.soft }));
    found.words.forEach((_, k) => {
      const bold = marked.indexOf(k), color = bold < 0 ? palette.litInk : bold === 0 ? palette.a : palette.b, x = x0 + along[k] * unit, y = y0 - off[k] * unit;
      line(x0, y0, x, y, color, { 'stroke-width': bold < 0 ? 1.2 : 3, 'stroke-opacity': bold < 0 ? 0.6 : 1 });
      svg.append(node('circle', { cx: x, cy: y, r: bold < 0 ? 2.6 : 4.5, fill: color }));
      if (bold >= 0) svg.append(text(x + (along[k] < 0 ? -8 : 8), y - 4 + bold * 13, `${found.name(found.words[k])} ${format(Math.hypot(along[k], off[k]))}`, { 'text-anchor': along[k] < 0 ? 'end' : 'start', fill: palette.ink, 'font-weight': 700 }));
    });
  });
  return svg;
}

/// The cosines of one side as a square of cells; blue above 0, orange below, and the more the stronger. chosen: [row, column].
export function cosineMatrix({ cosines, count }, { size, dark, names, chosen, title }) {
  const palette = paletteOf(dark), left = 26, cell = (size - left) / count, svg = node('svg', { viewBox: `0 0 ${size} ${size + 4}`, role: 'img', 'aria-label': title, class: 'matrix' });
  for (let r = 0; r < count; ++r) {
    const near = (k) => ({ fill: chosen.includes(k) ? palette.ink : palette.soft, 'font-weight': chosen.includes(k) ? 700 : 400, 'font-size': Math.min(13, cell) });
    svg.append(text(left - 6, left + (r + 0.72) * cell, names[r], { 'text-anchor': 'end', ...near(r) }), text(left + (r + 0.5) * cell, left - 7, names[r], { 'text-anchor': 'middle', ...near(r) }));
    for (let c = 0; c < count; ++c) {
      const v = cosines[r * count + c], size2 = (cell - 1) * (Number.isFinite(v) ? 0.18 + 0.82 * Math.min(1, Math.abs(v)) : 0.1), pad = (cell - size2) / 2;
      // Larger for more, round below zero: shape beside colour.
      svg.append(node('rect', { x: left + c * cell + pad, y: left + r * cell + pad, width: size2, height: size2, rx: v < 0 ? size2 / 2 : 0, fill: v < 0 ? palette.a : palette.litInk, 'fill-opacity': Number.isFinite(v) ? 0.15 + 0.85 * Math.min(1, Math.abs(v)) : 0.1 }));
    }
  }
  for (const [r, c] of [chosen, [chosen[1], chosen[0]]]) svg.append(node('rect', { x: left + c * cell, y: left + r * cell, width: cell, height: cell, fill: 'none', stroke: palette.ink, 'stroke-width': 2 }));
  return svg;
}

/// A bar a word: the degrees by which it turned.
export function turnBars(found, { width, dark, title, format }) {
  const palette = paletteOf(dark), count = found.words.length, step = width / count, most = Math.max(1e-9, ...found.turns.filter((v) => !Number.isNaN(v))), svg = node('svg', { viewBox: `0 0 ${width} 118`, role: 'img', 'aria-label': title });
  const ceiling = [1, 5, 20, 45, 90, 180].find((v) => v >= most) ?? 180;
  found.words.forEach((w, k) => {
    const v = found.turns[k], h = (Number.isNaN(v) ? 0 : v) / ceiling * 66, x = k * step;
    svg.append(node('rect', { x: x + step * 0.2, y: 92 - h, width: step * 0.6, height: Math.max(1, h), fill: palette.litInk }), text(x + step / 2, 110, found.name(w), { 'text-anchor': 'middle', fill: palette.ink }));
    if (step > 30 || k % 2 === 0) svg.append(text(x + step / 2, 86 - h, `${format(v)}°`, { 'text-anchor': 'middle', fill: palette.soft, 'font-size': 11 }));
  });
  return svg;
}
