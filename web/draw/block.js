// SPDX-License-Identifier: Apache-2.0
// The tensor on a canvas, every element a cell. One distribution is lit: blue, hatched and outlined, so that no one needs the colour.
import { paletteOf, openCanvas, fontOf, TAU } from './palette.js';
import { toneAt } from './layout.js';

const MOST_AREAS = 4000;
/// How strongly an element is lit, in eighths; and of what belongs to no distribution.
export const FULL = 8, NONE = 9;

/// Which of `cells` cells each pixel of a side shows, -1 for none; spans: where panels begin and how far they go, and their first cell.
function cellsOf(pixels, zoom, spans) {
  const found = new Int32Array(pixels).fill(-1);
  for (const { from, size, first, cells, parts, gap } of spans) {
    const step = size * zoom / cells, line = size / parts;  // cells may be fewer than what they stand for; the lines are between those
    for (let k = Math.max(0, Math.round(from * zoom)); k < Math.min(pixels, Math.round((from + size) * zoom)); ++k) {
      const at = k + 0.5 - from * zoom, near = at / zoom % line;
      if (gap && (near < gap / 2 && at / zoom > line / 2 || near > line - gap / 2 && size - at / zoom > line / 2)) continue;
      found[k] = first + Math.min(cells - 1, Math.max(0, Math.floor(at / step)));
    }
  }
  return found;
}

const painters = new WeakMap();  // of each canvas
function painterFor(core, canvas, layout) {
  const { sheet, panels } = layout, { width, height } = canvas, kept = painters.get(canvas);
  if (kept?.sheet === sheet && kept.width === width && kept.height === height) return kept.painter;
  kept?.painter.destroy();
  const zoom = width / layout.width, row = panels.slice(0, sheet.across), column = panels.filter((_, k) => k % sheet.across === 0);
  const painter = core.painter(sheet, cellsOf(height, zoom, column.map((p) => ({ from: p.y, size: p.h, first: p.sheetY, cells: sheet.down, parts: p.rows, gap: p.gap }))),
    cellsOf(width, zoom, row.map((p) => ({ from: p.x, size: p.w, first: p.sheetX, cells: sheet.wide, parts: p.cols, gap: p.lined ? 0 : p.gap }))));
  painters.set(canvas, { sheet, width, height, painter });
  return painter;
}

/// Colours by level (0…FULL, NONE) and tone (0…255), as this is asked of every element and frame.
function tableOf(palette) {
  const { lit, grey } = palette;
  return (palette.table ??= Uint32Array.from({ length: (NONE + 1) * 256 }, (_, k) => {
    const level = k >> 8, f = level === NONE ? 0 : level / FULL, t = (k & 255) / 255, mix = (n) => {
      const low = grey[0][n] + (lit[0][n] - grey[0][n]) * f, high = grey[1][n] + (lit[1][n] - grey[1][n]) * f;
      return low + (high - low) * t;
    };
    return ((level === NONE ? 40 : 255) << 24) | (mix(2) << 16) | (mix(1) << 8) | mix(0);
  }));
}

/// The lit cells as few rectangles: runs of a row, joined with equal runs of the rows below. Kept, as most frames ask for the same.
function areasOf(layout, ids, lit) {
  if (layout.areas?.ids === ids && layout.areas.lit === lit) return layout.areas.list;
  const list = [];
  if (lit >= 0) for (const p of layout.panels) {
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

/// All cells at once, and with them the whole canvas: what was there before is gone.
function drawCells(core, canvas, g, layout, tone, levels, palette) {
  const pixels = painterFor(core, canvas, layout).paint(tone, levels, tableOf(palette), layout.photo && !layout.dark);  // of a photograph, more is lighter
  g.putImageData(new ImageData(pixels, canvas.width, canvas.height), 0, 0);
}

function drawCodes(g, p, tone, levels, palette) {
  if (!p.codes || p.w / p.cols < 18) return;
  g.font = fontOf(p.w / p.cols < 20 ? 8.5 : 10, 600);
  g.textAlign = 'center';
  p.at.forEach((i, k) => {
    if (i < 0) return;
    const [from, to] = levels[i] > FULL / 2 && levels[i] <= FULL ? palette.lit : palette.grey, shade = from[1] + (to[1] - from[1]) * toneAt(tone, i);
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
  if (p.side && p.sideTall >= 10) g.fillText(p.side, p.x - 8, p.y + p.sideAt, p.x - 8);
  g.textAlign = 'center';
  if (p.top) g.fillText(p.top, p.x + p.w / 2, p.y - 10, p.w + 4);
  if (p.tops && p.w / p.cols > 24) p.tops.forEach((top, c) => g.fillText(String(top), p.x + (c + 0.5) * p.w / p.cols, p.y - 10, p.w / p.cols - 4));
}

/// Slanted lines as a pattern: to clip lines to the areas took a third of a frame.
function hatchOf(g, palette) {
  const zoom = g.getTransform().a, size = Math.round(7 * zoom), kept = palette.hatched;
  if (kept?.size === size) return kept.pattern;
  const tile = document.createElement('canvas');
  tile.width = tile.height = size;
  const pen = tile.getContext('2d');
  pen.strokeStyle = palette.hatch;
  pen.lineWidth = 1.2 * zoom;
  for (const shift of [-size, 0, size]) {
    pen.moveTo(shift - 1, size + 1);
    pen.lineTo(shift + size + 1, -1);
  }
  pen.stroke();
  const pattern = g.createPattern(tile, 'repeat');
  pattern.setTransform(new DOMMatrix().scale(7 / size));
  palette.hatched = { size, pattern };
  return pattern;
}

/// Hatches and outlines what is lit; a column too thin to be seen gets a pointer above.
function drawAreas(g, areas, palette) {
  if (areas.length === 0 || areas.length >= MOST_AREAS) return;
  g.fillStyle = hatchOf(g, palette);
  for (const { x, y, w, h } of areas) g.fillRect(x, y, w, h);
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

/// tone: as toneBetween() makes it; levels: 0 (grey) … FULL (lit) an element, on its way to what `lit` says, or NONE.
export function drawBlock(core, canvas, layout, tone, ids, levels, { lit, at, a, b, dark }) {
  const palette = paletteOf(dark), g = openCanvas(canvas, layout.width, layout.height, layout.scale, true), areas = areasOf(layout, ids, lit), marked = (layout.areas.marked ??= new Set(areas.map(({ p }) => p)));
  layout.dark = dark;
  drawCells(core, canvas, g, layout, tone, levels, palette);
  drawAreas(g, areas, palette);
  for (const p of layout.panels) {
    drawCodes(g, p, tone, levels, palette);
    if (p.labels || p.tops || p.side || p.top) drawLabels(g, p, marked.has(p), ids, lit, palette);
  }
  for (const [i, color, letter] of [[at, palette.ink], [a, palette.a, 'A'], [b, palette.b, 'B']]) if (i >= 0 && i < ids.length) drawMark(g, layout, i, color, letter, palette);
}
