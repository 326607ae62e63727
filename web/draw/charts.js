// SPDX-License-Identifier: Apache-2.0
// Rank lines, histograms and the courses of running statistics.
import { node, range } from './svg.js';
import { paletteOf, TAU } from './palette.js';

const open = (width, height, title) => node('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': title });
const word = (x, y, content, more) => node('text', { x, y, 'font-size': 12.5, ...more }, content);

/// Two axes, before and after; a line for each element of `members`: {i, color, label, bold, dash}. Where a line of one distribution
/// crosses one of the other, a diamond stands. crossings: how many.
export function rankLines(before, after, members, { width, dark, format, title, heads }) {
  const palette = paletteOf(dark), height = 330, left = 0.3 * width, right = 0.7 * width, top = 34, bottom = height - 14;
  const [bl, bh] = range(members.map((m) => before[m.i])), [al, ah] = range(members.map((m) => after[m.i]));
  const yb = (v) => bottom - (v - bl) / (bh - bl) * (bottom - top), ya = (v) => bottom - (v - al) / (ah - al) * (bottom - top);
  const svg = open(width, height, title);
  svg.append(word(left, 16, heads[0], { 'text-anchor': 'end', fill: palette.soft }), word(right, 16, heads[1], { fill: palette.soft }));
  for (const x of [left, right]) svg.append(node('line', { x1: x, x2: x, y1: top, y2: bottom, stroke: palette.soft, 'stroke-width': 1 }));
  const lines = members.map((m) => ({ ...m, y1: yb(before[m.i]), y2: ya(after[m.i]) }));
  for (const m of [...lines].sort((p, q) => (p.bold ? 1 : 0) - (q.bold ? 1 : 0))) {
    svg.append(node('line', { x1: left, y1: m.y1, x2: right, y2: m.y2, stroke: m.color, 'stroke-width': m.bold ? 3.5 : 1.2, 'stroke-opacity': m.bold ? 1 : 0.6, ...(m.dash ? { 'stroke-dasharray': '5 4' } : {}) }),
      node('circle', { cx: left, cy: m.y1, r: m.bold ? 4.5 : 2.2, fill: m.color }), node('circle', { cx: right, cy: m.y2, r: m.bold ? 4.5 : 2.2, fill: m.color }));
  }
  let crossings = 0;
  lines.forEach((p, k) => lines.slice(k + 1).forEach((q) => {
    if ((before[p.i] - before[q.i]) * (after[p.i] - after[q.i]) >= 0) return;
    const f = (p.y1 - q.y1) / (p.y1 - q.y1 + q.y2 - p.y2), x = left + f * (right - left), y = p.y1 + f * (p.y2 - p.y1), r = p.bold && q.bold ? 6 : 3.4;
    crossings++;
    svg.append(node('path', { d: `M${x - r} ${y}L${x} ${y - r}L${x + r} ${y}L${x} ${y + r}Z`, fill: `rgb(${palette.paper})`, stroke: palette.a, 'stroke-width': p.bold && q.bold ? 2.4 : 1.2 }));
  }));
  const taken = { before: [], after: [] }, free = (side, y) => !taken[side].some((other) => Math.abs(other - y) < 15);
  for (const m of [...lines].sort((p, q) => (q.bold ? 1 : 0) - (p.bold ? 1 : 0))) {
    const style = { fill: palette.ink, 'font-weight': m.bold ? 700 : 400 }, wide = width > 520, name = wide ? m.label.slice(0, 40) : m.short ?? '';
    if (free('before', m.y1)) svg.append(word(left - 10, m.y1 + 4, `${name}  ${format(before[m.i])}`.trim(), { 'text-anchor': 'end', ...style })), taken.before.push(m.y1);
    if (free('after', m.y2)) svg.append(word(right + 10, m.y2 + 4, `${format(after[m.i])}  ${name}`.trim(), style)), taken.after.push(m.y2);
  }
  return { svg, crossings };
}

/// The lit distribution (filled) and another (outlined) on one axis, before and after, with the normal curve of the lit one's mean and
/// deviation. sides: [{head, lit, other, mean, deviation}], before and after.
export function histograms(sides, { width, dark, format, title }) {
  const palette = paletteOf(dark), stacked = width < 520, w = stacked ? width : (width - 36) / 2, tall = 176, svg = open(width, stacked ? 2 * tall : tall, title);
  sides.forEach(({ head, lit, other, mean, deviation }, side) => {
    const all = [...lit, ...other], [low, high] = range(all), count = Math.max(10, Math.min(40, Math.round(Math.sqrt(lit.length) * 2))), step = (high - low) / count;
    const x0 = stacked ? 0 : side * (w + 36), y0 = stacked ? side * tall : 0, base = y0 + 138, at = (v) => x0 + (v - low) / (high - low) * w;
    const binned = (values) => {
      const bins = new Array(count).fill(0);
      for (const v of values) bins[Math.min(count - 1, Math.floor((v - low) / step))] += 1 / values.length;
      return bins;
    };
    const mine = binned(lit), theirs = other.length ? binned(other) : [], bell = (v) => step * Math.exp(-(((v - mean) / deviation) ** 2) / 2) / deviation / Math.sqrt(TAU);
    const most = Math.max(...mine, ...theirs, deviation > 0 ? Math.min(1, bell(mean)) : 0), y = (share) => base - share / most * 106;
    mine.forEach((share, k) => svg.append(node('rect', { x: at(low + k * step) + 0.5, y: y(share), width: Math.max(0.5, w / count - 1), height: base - y(share), fill: palette.litInk, 'fill-opacity': 0.75 })));
    if (theirs.length) svg.append(node('path', { d: theirs.map((share, k) => `${k ? 'L' : 'M'}${at(low + k * step).toFixed(1)} ${y(share).toFixed(1)}H${at(low + (k + 1) * step).toFixed(1)}`).join(''), fill: 'none', stroke: palette.soft, 'stroke-width': 1.4 }));
    if (deviation > 0) svg.append(node('polyline', { points: Array.from({ length: 121 }, (_, k) => low + k / 120 * (high - low)).map((v) => `${at(v).toFixed(1)},${Math.max(y0 + 24, y(bell(v))).toFixed(1)}`).join(' '), fill: 'none', stroke: palette.a, 'stroke-width': 2, 'stroke-dasharray': '5 3' }));
    svg.append(node('line', { x1: x0, x2: x0 + w, y1: base, y2: base, stroke: palette.soft }), word(x0, y0 + 16, head, { fill: palette.soft }), word(x0, y0 + 156, format(low), { fill: palette.ink }),
      word(x0 + w, y0 + 156, format(high), { 'text-anchor': 'end', fill: palette.ink }));
    const middle = at(mean);
    if (middle > x0 + 50 && middle < x0 + w - 50) svg.append(node('path', { d: `M${middle} ${base + 2}l-5 8h10Z`, fill: palette.litInk }), word(middle, y0 + 160, format(mean), { 'text-anchor': 'middle', fill: palette.litInk }));
  });
  return svg;
}

/// Lines over batches; targets are dashed: {values, target, color, label}.
export function courses(lines, { width, dark, title, format }) {
  const palette = paletteOf(dark), left = 8, right = width - 130, svg = open(width, 190, title);
  const [low, high] = range(lines.flatMap((l) => [...l.values, l.target])), y = (v) => 175 - (v - low) / (high - low) * 160, steps = Math.max(1, lines[0].values.length - 1);
  const taken = [];
  for (const l of lines) {
    svg.append(node('line', { x1: left, x2: right, y1: y(l.target), y2: y(l.target), stroke: l.color, 'stroke-dasharray': '3 4' }));
    svg.append(node('polyline', { points: l.values.map((v, k) => `${(left + k / steps * (right - left)).toFixed(1)},${y(v).toFixed(1)}`).join(' '), fill: 'none', stroke: l.color, 'stroke-width': 2.4 }));
    const at = y(l.values.at(-1)), free = taken.some((other) => Math.abs(other - at) < 14) ? Math.max(...taken) + 15 : at;
    taken.push(free);
    svg.append(word(right + 8, Math.min(185, free + 4), `${l.label} ${format(l.values.at(-1))}`, { fill: palette.ink }));
  }
  return svg;
}
