// SPDX-License-Identifier: Apache-2.0
// The number line: every distribution a row of dots that is centred, scaled and given weight and bias while the stage moves.
import { paletteOf, openCanvas, fontOf, TAU } from './palette.js';

const ROW = 44, TOP = 8, BOTTOM = 30;
export const rulerHeight = (rows) => TOP + BOTTOM + ROW * rows.length;

const extent = (rows, key) => {
  let low = Infinity, high = -Infinity;
  for (const row of rows) for (const dot of row.dots) [low, high] = [Math.min(low, dot[key]), Math.max(high, dot[key])];
  return high > low ? [low, high] : [low - 1, high + 1];
};
/// Around zero, and as wide as three deviations at least where scores are shown.
const around = (rows, key, least) => {
  const [low, high] = extent(rows, key), most = Math.max(least, Math.abs(low), Math.abs(high));
  return [-most, most];
};

/// About five round numbers of a range.
function ticksOf([low, high]) {
  const raw = (high - low) / 5, power = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].find((k) => k * power >= raw) * power, ticks = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) ticks.push(Math.abs(v) < step * 1e-9 ? 0 : v);
  return ticks;
}

/// What each stage's axis shows: raw and centred share a unit where that fits, so that centring is seen to move and not to stretch.
export function rulerOf(rows) {
  const raw = extent(rows, 0), centred = around(rows, 1, 0), half = (raw[1] - raw[0]) / 2;
  return { rows, axes: [raw, half > centred[1] ? [-half, half] : centred, around(rows, 2, 3), around(rows, 3, 3)] };
}

/// rows: {name, lit, mean, deviation, dots: [raw, centred, scaled, affine, pin]}; format: a number as text; names: of the stages.
export function drawRuler(canvas, { rows, axes }, stage, { width, scale, dark, format, narrow }) {
  const palette = paletteOf(dark), height = rulerHeight(rows), g = openCanvas(canvas, width, height, scale);
  const left = narrow ? 12 : 158, right = width - 14, k = Math.min(2, Math.floor(stage)), f = stage - k, ease = f * f * (3 - 2 * f);
  const place = (axis, v) => left + (v - axis[0]) / (axis[1] - axis[0]) * (right - left), shown = (dot) => place(axes[k], dot[k]) + (place(axes[k + 1], dot[k + 1]) - place(axes[k], dot[k])) * ease;
  const base = TOP + ROW * rows.length;
  const axisAt = (axis, alpha) => {
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
  axisAt(axes[k], 1 - ease);
  axisAt(axes[k + 1], ease);
  rows.forEach((row, r) => {
    const y = TOP + ROW * r + ROW / 2, color = row.lit ? palette.litInk : palette.soft, dots = row.dots;
    g.fillStyle = color;
    g.font = fontOf(12.5, row.lit ? 700 : 400);
    g.textAlign = narrow ? 'left' : 'right';
    g.fillText(row.name, narrow ? left : left - 12, narrow ? y - ROW / 2 + 8 : y, narrow ? right - left : left - 16);
    // Mean and one deviation to both sides, as the stage has them.
    const [from, middle, to] = [-1, 0, 1].map((s) => shown(row.at(s)));
    g.fillStyle = color;
    g.globalAlpha = 0.16;
    g.fillRect(from, y - 11, Math.max(1, to - from), 22);
    g.globalAlpha = 1;
    g.fillRect(middle - 1, y - 13, 2, 26);
    g.globalAlpha = dots.length > 60 ? 0.45 : 0.75;
    g.strokeStyle = color;
    g.lineWidth = 1.5;
    dots.forEach((dot, i) => {
      const x = shown(dot), dy = ((i * 7) % 5 - 2) * 3.2;
      g.beginPath();
      g.arc(x, y + dy, 3.2, 0, TAU);
      row.lit ? g.fill() : g.stroke();  // filled or hollow: the pattern beside the colour
    });
    g.globalAlpha = 1;
    for (const dot of dots.filter((d) => d[4])) {
      const x = shown(dot);
      g.beginPath();
      g.arc(x, y, 9.5, 0, TAU);
      g.fillStyle = palette[dot[4]];
      g.fill();
      g.fillStyle = `rgb(${palette.paper})`;
      g.font = fontOf(12, 700);
      g.textAlign = 'center';
      g.fillText(dot[4].toUpperCase(), x, y + 0.5);
    }
  });
}
