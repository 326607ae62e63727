// SPDX-License-Identifier: Apache-2.0
// The number line: every distribution a row of dots that is centred, scaled and given weight and bias while the stage moves.
import { paletteOf, openCanvas, fontOf, TAU } from './palette.js';

const ROW = 44, TOP = 8, BOTTOM = 30;
export const rulerHeight = (rows) => TOP + BOTTOM + ROW * rows.length;

const extent = (rows, value, stage) => {
  let low = Infinity, high = -Infinity;
  for (const row of rows) for (const { i } of row.dots) [low, high] = [Math.min(low, value(stage, i)), Math.max(high, value(stage, i))];
  return high > low ? [low, high] : [low - 1, high + 1];
};
/// Around zero, and as wide as three deviations at least where scores are shown.
const around = (rows, value, stage, least) => {
  const [low, high] = extent(rows, value, stage), most = Math.max(least, Math.abs(low), Math.abs(high));
  return [-most, most];
};

/// About five round numbers of a range.
function ticksOf([low, high]) {
  const raw = (high - low) / 5, power = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].find((k) => k * power >= raw) * power, ticks = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) ticks.push(Math.abs(v) < step * 1e-9 ? 0 : v);
  return ticks;
}

/// What each stage's axis shows: raw and centred share a unit where that fits, so that centring is seen to move and not to stretch.
/// value(stage, i): of element i.
export function rulerOf(rows, value) {
  const axis = (stage) => {
    if (stage !== 1) return stage === 0 ? extent(rows, value, 0) : around(rows, value, stage, 3);
    const raw = extent(rows, value, 0), centred = around(rows, value, 1, 0), half = (raw[1] - raw[0]) / 2;
    return half > centred[1] ? [-half, half] : centred;
  };
  return { rows, value, axis };
}

/// rows: {name, lit, at, dots: {i, pin}}; at(s): where s deviations from the mean are, at each stage. format: a number as text.
export function drawRuler(canvas, { rows, value, axis }, stage, { width, scale, dark, format, narrow }) {
  const palette = paletteOf(dark), height = rulerHeight(rows), g = openCanvas(canvas, width, height, scale);
  const left = narrow ? 12 : 158, right = width - 14, k = Math.min(2, Math.floor(stage)), f = stage - k, ease = f * f * (3 - 2 * f), from = axis(k), to = axis(k + 1);
  const place = ([low, high], v) => left + (v - low) / (high - low) * (right - left), between = (v, w) => place(from, v) + (place(to, w) - place(from, v)) * ease;
  const shown = ({ i }) => between(value(k, i), value(k + 1, i));
  const base = TOP + ROW * rows.length;
  const axisAt = (axis, alpha) => {
    if (alpha === 0) return;
    g.globalAlpha = alpha;
    g.strokeStyle = palette.line;
    g.fillStyle = palette.soft;
    g.lineWidth = 1;
    g.font = fontOf(11.5);
    g.textAlign = 'center';
    for (const v of ticksOf(axis)) {
      const x = place(axis, v);
      g.beginPath();
      g.moveTo(x, TOP);
      g.lineTo(x, base + 4);
      g.stroke();
      g.fillText(format(v), Math.min(width - 16, Math.max(16, x)), base + 16);
    }
    g.globalAlpha = 1;
  };
  axisAt(from, 1 - ease);
  axisAt(to, ease);
  rows.forEach((row, r) => {
    const y = TOP + ROW * r + ROW / 2, color = row.lit ? palette.litInk : palette.soft, dots = row.dots;
    g.fillStyle = color;
    g.font = fontOf(12.5, row.lit ? 700 : 400);
    g.textAlign = narrow ? 'left' : 'right';
    g.fillText(row.name, narrow ? left : left - 12, narrow ? y - ROW / 2 + 8 : y, narrow ? right - left : left - 16);
    // Mean and one deviation to both sides, as the stage has them.
    const [start, middle, end] = [-1, 0, 1].map((s) => between(row.at(s)[k], row.at(s)[k + 1]));
    g.fillStyle = color;
    g.globalAlpha = 0.16;
    g.fillRect(start, y - 11, Math.max(1, end - start), 22);
    g.globalAlpha = 1;
    g.fillRect(middle - 1, y - 13, 2, 26);
    g.globalAlpha = dots.length > 60 ? 0.45 : 0.75;
    g.strokeStyle = color;
    g.lineWidth = 1.5;
    g.beginPath();  // one path: a circle drawn by itself costs as much as a thousand cells
    dots.forEach((dot, i) => {
      const x = shown(dot), dy = ((i * 7) % 5 - 2) * 3.2;
      g.moveTo(x + 3.2, y + dy);
      g.arc(x, y + dy, 3.2, 0, TAU);
    });
    row.lit ? g.fill() : g.stroke();  // filled or hollow: the pattern beside the colour
    g.globalAlpha = 1;
    for (const dot of dots.filter((d) => d.pin)) {
      const x = shown(dot);
      g.beginPath();
      g.arc(x, y, 9.5, 0, TAU);
      g.fillStyle = palette[dot.pin];
      g.fill();
      g.fillStyle = `rgb(${palette.paper})`;
      g.font = fontOf(12, 700);
      g.textAlign = 'center';
      g.fillText(dot.pin.toUpperCase(), x, y + 0.5);
    }
  });
}
