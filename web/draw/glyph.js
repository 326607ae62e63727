// SPDX-License-Identifier: Apache-2.0
// The sign of a norm: a small block of a tensor with one distribution filled in. It needs no data and no words.
import { node } from './svg.js';

const SIZE = 4;

/// Which cells (n, c, s) share a distribution with the front, top, right one. s: positions or words; c: channels or features.
const TOGETHER = {
  batch: (n, c) => c === SIZE - 1, sample: (n) => n === 0, group: (n, c) => n === 0 && c >= SIZE / 2, instance: (n, c) => n === 0 && c === SIZE - 1,
  position: (n, c, s) => n === 0 && s === 0, token: (n, c, s) => n === 0 && s === 0,
};

const faces = (rank3, together) => {
  const w = 9, lift = 4, list = [], last = SIZE - 1;
  const add = (points, lit) => list.push(node('polygon', { points: points.map((p) => p.join()).join(' '), class: lit ? 'lit' : 'dim' }));
  const front = (c, s) => [c * w, SIZE * lift + 2 + s * w];
  for (let s = 0; s < SIZE; ++s) for (let c = 0; c < SIZE; ++c) {
    const [x, y] = front(c, s);
    add([[x, y], [x + w, y], [x + w, y + w], [x, y + w]], together(0, c, s));
  }
  const deep = (x, y, n) => [x + n * lift, y - n * lift];
  for (let n = 0; n < SIZE; ++n) for (let c = 0; c < SIZE; ++c) {
    const [x, y] = front(c, 0);
    add([deep(x, y, n), deep(x + w, y, n), deep(x + w, y, n + 1), deep(x, y, n + 1)], together(n, c, 0));
  }
  for (let n = 0; n < SIZE; ++n) for (let s = 0; s < SIZE; ++s) {
    const [x, y] = front(last, s);
    add([deep(x + w, y, n), deep(x + w, y + w, n), deep(x + w, y + w, n + 1), deep(x + w, y, n + 1)], together(n, last, s));
  }
  return list;
};

/// together: a norm's name, or the axes that are pooled, of a tensor with these axes. letters: name the axes beside the block.
export function glyphOf(norm, axes, pooledAxes, letters = false) {
  const rank = axes.length;
  if (rank < 3) {
    const rows = { region: [0], continent: [0, 1], world: [0, 1, 2], batch: 'column', token: [0], rms: [0] }[norm] ?? [0], list = [];
    for (let r = 0; r < 3; ++r) for (let c = 0; c < 4; ++c) list.push(node('rect', { x: 1 + c * 12, y: 6 + r * 14, width: 11, height: 11, class: (rows === 'column' ? c === 3 : rows.includes(r)) ? 'lit' : 'dim' }));
    return node('svg', { viewBox: '0 0 50 54', class: 'glyph', 'aria-hidden': 'true' }, ...list);
  }
  const of = (letter) => axes.indexOf(letter) < 0 || pooledAxes.includes(axes.indexOf(letter));
  const deep = of('N'), wide = rank === 3 ? of('D') : of('C'), high = rank === 3 ? of('L') : of('H') || of('W');
  const together = norm === 'group' ? TOGETHER.group : (n, c, s) => (deep || n === 0) && (wide || c === SIZE - 1) && (high || s === 0);
  const svg = node('svg', { viewBox: letters ? '-32 -3 94 74' : '-1 0 55 56', class: 'glyph', 'aria-hidden': 'true' }, ...faces(rank === 3, together));
  if (norm === 'rms') svg.append(node('text', { x: 18, y: 41, 'text-anchor': 'middle', class: 'zero' }, '0'));
  if (letters) {
    const [c, s] = rank === 3 ? ['D', 'L'] : ['C', 'H×W'];
    svg.append(node('text', { x: 18, y: 66, 'text-anchor': 'middle' }, c), node('text', { x: -3, y: 40, 'text-anchor': 'end' }, s), node('text', { x: 2, y: 10, 'text-anchor': 'middle' }, 'N'));
  }
  return svg;
}
