// SPDX-License-Identifier: Apache-2.0
// The tensor on a canvas, every element a cell. One distribution is lit: blue, hatched and outlined, so that no one needs the colour.
import { paletteOf, openCanvas, fontOf, TAU } from './palette.js';

const MOST_AREAS = 4000;
const scratch = () => (scratch.canvas ??= document.createElement('canvas'));

/// The lit cells as few rectangles: runs of a row, joined with equal runs of the rows below. Kept, as most frames ask for the same.
function areasOf(layout, ids, lit) {
  if (layout.areas?.ids === ids && layout.areas.lit === lit) return layout.areas.list;
  const list = [];
  for (const p of layout.panels) {
    let open = new Map();
    for (let r = 0; r < p.rows && list.length < MOST_AREAS; ++r) {
      const next = new Map();
      for (let c = 0; c < p.cols; ++c) {
        const mine = (k) => p.at[r * p.cols + k] >= 0 && ids[p.at[r * p.cols + k]] === lit;
        if (!mine(c)) continue;
        const first = c;
        while (c + 1 < p.cols && mine(c + 1)) ++c;
        const key = `${first}-${c}`, area = open.get(key);
        if (area) area.rows++;
        else list.push({ p, first, last: c, row: r, rows: 1 });
        next.set(key, area ?? list.at(-1));
      }
      open = next;
    }
  }
  for (const a of list) {
    const { p } = a;
    Object.assign(a, { x: p.x + a.first * p.w / p.cols, y: p.y + a.row * p.h / p.rows, w: (a.last - a.first + 1) * p.w / p.cols, h: a.rows * p.h / p.rows });
  }
  layout.areas = { ids, lit, list };
  return list;
}

function drawCells(g, p, tones, ids, glow, layout, palette) {
  const off = scratch(), { lit, grey } = palette, invert = layout.photo && !layout.dark;  // of a photograph, more is lighter
  [off.width, off.height] = [p.cols, p.rows];
  const context = off.getContext('2d'), image = context.createImageData(p.cols, p.rows), pixels = new Uint32Array(image.data.buffer);
  const table = (palette.table ??= Uint32Array.from({ length: 9 * 256 }, (_, k) => {
    const f = (k >> 8) / 8, t = (k & 255) / 255, mix = (n) => {
      const low = grey[0][n] + (lit[0][n] - grey[0][n]) * f, high = grey[1][n] + (lit[1][n] - grey[1][n]) * f;
      return low + (high - low) * t;
    };
    return (mix(2) << 16) | (mix(1) << 8) | mix(0);
  }));
  for (let k = 0; k < p.at.length; ++k) {
    const i = p.at[k];
    if (i < 0) continue;
    // Between grey and lit by glow, between weak and strong by tone; a table of both, as this runs for every element and frame.
    const t = invert ? 1 - tones[i] : tones[i];
    pixels[k] = ((ids[i] < 0 ? 40 : 255) << 24) | table[Math.round(glow[i] * 8) << 8 | Math.round(t * 255)];
  }
  context.putImageData(image, 0, 0);
  g.imageSmoothingEnabled = false;
  g.drawImage(off, p.x, p.y, p.w, p.h);
  if (!p.gap) return;
  g.fillStyle = `rgb(${palette.paper})`;
  for (let r = 1; r < p.rows; ++r) g.fillRect(p.x, p.y + r * p.h / p.rows - p.gap / 2, p.w, p.gap);
  if (!p.lined) for (let c = 1; c < p.cols; ++c) g.fillRect(p.x + c * p.w / p.cols - p.gap / 2, p.y, p.gap, p.h);
}

function drawCodes(g, p, tones, glow, palette) {
  if (!p.codes || p.w / p.cols < 18) return;
  g.font = fontOf(p.w / p.cols < 20 ? 8.5 : 10, 600);
  g.textAlign = 'center';
  p.at.forEach((i, k) => {
    if (i < 0) return;
    const [from, to] = glow[i] > 0.5 ? palette.lit : palette.grey, shade = from[1] + (to[1] - from[1]) * tones[i];
    g.fillStyle = shade > 140 ? '#14171a' : '#fff';
    g.fillText(p.codes[i], p.x + (k % p.cols + 0.5) * p.w / p.cols, p.y + (Math.floor(k / p.cols) + 0.5) * p.h / p.rows + 0.5);
  });
}

function drawLabels(g, p, marked, ids, lit, palette) {
  g.font = fontOf(12);
  g.textAlign = 'right';
  p.labels?.forEach((label, r) => {
    if (p.h / p.rows < 9) return;
    const first = p.at.subarray(r * p.cols, (r + 1) * p.cols).find((i) => i >= 0);
    g.fillStyle = first !== undefined && ids[first] === lit ? palette.litInk : palette.soft;
    g.fillText(String(label), p.x - 7, p.y + (r + 0.5) * p.h / p.rows, p.x - 8);
  });
  g.fillStyle = marked ? palette.litInk : palette.soft;
  if (p.side) g.fillText(p.side, p.x - 8, p.y + p.h / 2, p.x - 8);
  g.textAlign = 'center';
  if (p.top) g.fillText(p.top, p.x + p.w / 2, p.y - 10, p.w + 4);
  if (p.tops && p.w / p.cols > 24) p.tops.forEach((top, c) => g.fillText(String(top), p.x + (c + 0.5) * p.w / p.cols, p.y - 10, p.w / p.cols - 4));
}

/// Hatches and outlines what is lit; a column too thin to be seen gets a pointer above.
function drawAreas(g, areas, palette) {
  if (areas.length === 0 || areas.length >= MOST_AREAS) return;
  const path = new Path2D();
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y, w, h } of areas) {
    path.rect(x, y, w, h);
    [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x + w), Math.max(bottom, y + h)];
  }
  g.save();
  g.clip(path);
  g.beginPath();
  for (let x = left - (bottom - top); x < right; x += 7) {
    g.moveTo(x, bottom);
    g.lineTo(x + (bottom - top), top);
  }
  g.strokeStyle = palette.hatch;
  g.lineWidth = 1.2;
  g.stroke();
  g.restore();
  g.strokeStyle = g.fillStyle = palette.litInk;
  g.lineWidth = areas.length > 400 ? 0.5 : 2;
  for (const { x, y, w, h, p } of areas) {
    if (w < 3 || h < 3) g.fillRect(x - 0.5, y - 0.5, Math.max(2.5, w), Math.max(2.5, h));
    else g.strokeRect(x, y, w, h);
    if (w >= 5 || h < 20) continue;
    g.beginPath();
    g.moveTo(x + w / 2, p.y - 1);
    g.lineTo(x + w / 2 - 4, p.y - 9);
    g.lineTo(x + w / 2 + 4, p.y - 9);
    g.fill();
  }
}

function drawMark(g, layout, i, color, letter, palette) {
  const { x, y, w, h } = layout.rect(i), cx = x + w / 2, cy = y + h / 2;
  g.strokeStyle = color;
  g.lineWidth = 2.5;
  if (w >= 9) g.strokeRect(x, y, w, h);
  else g.strokeRect(cx - 4, cy - 4, 8, 8);
  if (!letter) return;
  const by = cy - 20 < 8 ? cy + 20 : cy - 20;
  g.beginPath();
  g.arc(cx, by, 9, 0, TAU);
  g.fillStyle = color;
  g.fill();
  g.fillStyle = `rgb(${palette.paper})`;
  g.font = fontOf(12, 700);
  g.textAlign = 'center';
  g.fillText(letter, cx, by + 0.5);
}

/// tones: 0…1 an element; glow: 0 (grey) … 1 (lit) an element, on its way to what `lit` says.
export function drawBlock(canvas, layout, tones, ids, glow, { lit, at, a, b, dark }) {
  const palette = paletteOf(dark), g = openCanvas(canvas, layout.width, layout.height, layout.scale), areas = lit < 0 ? [] : areasOf(layout, ids, lit);
  const marked = new Set(areas.map(({ p }) => p));
  layout.dark = dark;
  for (const p of layout.panels) {
    drawCells(g, p, tones, ids, glow, layout, palette);
    drawCodes(g, p, tones, glow, palette);
    drawLabels(g, p, marked.has(p), ids, lit, palette);
  }
  drawAreas(g, areas, palette);
  for (const [i, color, letter] of [[at, palette.ink], [a, palette.a, 'A'], [b, palette.b, 'B']]) if (i >= 0 && i < ids.length) drawMark(g, layout, i, color, letter, palette);
}
