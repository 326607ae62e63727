// SPDX-License-Identifier: Apache-2.0
// Where each element of the tensor stands in the picture.

const MOST_TALL = 900, LEAST_SIDE = 4, MOST_SAMPLES = 150, MOST_CELLS = 4096;

/// Panels of N samples and C channels: a row a sample, or, where channels are many, as many rows a sample as keep them visible.
/// null where panels would be too small to see.
function panelsOf([N, C, H, W], left, width) {
  const room = width - left, gap = C > 4 ? 6 : 10, side = Math.min((room - gap * (C - 1)) / C, 150);
  if (side >= 26) return { per: C, side, gap, apart: gap };
  for (let s = 26; s >= LEAST_SIDE; s -= 1) {
    const close = s < 8 ? 0 : Math.max(1, Math.round(s / 12)), per = Math.min(C, Math.floor((room + close) / (s + close)));
    if (per > 0 && N * (Math.ceil(C / per) * (s * H / W + close) + 4) <= MOST_TALL) return { per, side: s, gap: close, apart: close + 4 };
  }
  return null;
}

/// All cells of the panels in one picture, a pixel a cell, so that one pass fills it: of sides beyond MOST_CELLS every so many-th cell.
/// order: the element of each cell, -1 for none. Each panel learns its place in it.
function sheetOf(panels) {
  const across = Math.max(...panels.map((p) => p.across ?? 0)) + 1, { rows, cols } = panels[0], down = Math.ceil(panels.length / across);
  const r = Math.max(1, Math.min(rows, Math.floor(MOST_CELLS / down))), c = Math.max(1, Math.min(cols, Math.floor(MOST_CELLS / across)));
  const sheet = { cols: c * across, across, wide: c, down: r, order: new Int32Array(c * across * r * down).fill(-1) };
  panels.forEach((p, number) => {
    Object.assign(p, { sheetX: number % across * c, sheetY: Math.floor(number / across) * r });
    for (let y = 0; y < r; ++y) for (let x = 0; x < c; ++x) {
      sheet.order[(p.sheetY + y) * sheet.cols + p.sheetX + x] = p.at[Math.floor((y + 0.5) * rows / r) * cols + Math.floor((x + 0.5) * cols / c)];
    }
  });
  return sheet;
}

/// Where each element stands in a picture of this width. Panels lie side by side where channels do, one below the other where samples do.
/// scale: how much larger than the layout's units the screen's are.
export function layoutOf(data, shape, width, text, scale = 1) {
  const n = shape.reduce((a, b) => a * b, 1), place = { panel: new Int32Array(n), row: new Int32Array(n), col: new Int32Array(n) };
  const panels = [], narrow = width < 420;
  const put = (panel, at) => {
    const number = panels.push(panel) - 1;
    panel.at = new Int32Array(panel.rows * panel.cols).fill(-1);
    for (let r = 0; r < panel.rows; ++r) for (let c = 0; c < panel.cols; ++c) {
      const i = at(r, c);
      if (i < 0) continue;
      panel.at[r * panel.cols + c] = i;
      place.panel[i] = number;
      place.row[i] = r;
      place.col[i] = c;
    }
  };
  const left4 = data.samples ? (narrow ? 62 : 74) : 22, grid = shape.length === 4 ? panelsOf(shape, left4, width) : null;
  let height = 0;
  if (data.by) {
    const { keys, names } = data.by.region, rows = names.map((_, k) => keys.flatMap((key, i) => (key === k ? [i] : [])));
    const cols = Math.max(...rows.map((r) => r.length)), left = narrow ? 118 : 148, h = 21 * names.length;
    put({ x: left, y: 4, w: width - left, h, rows: names.length, cols, labels: names.map((name) => text(name)), gap: 1.5, codes: data.codes }, (r, c) => rows[r][c] ?? -1);
    height = h + 8;
  } else if (grid) {
    const [N, C, H, W] = shape, { per, side, gap, apart } = grid, tall = side * H / W, lines = Math.ceil(C / per), sample = lines * (tall + gap) - gap;
    // The last row of a sample is filled up with empty panels, so that all stand in one grid.
    for (let a = 0; a < N; ++a) for (let c = 0; c < lines * per; ++c) {
      const line = Math.floor(c / per), k = c % per;
      put({ x: left4 + k * (side + gap), y: 22 + a * (sample + apart) + line * (tall + gap), w: side, h: tall, rows: H, cols: W, across: k, top: a === 0 && per === C ? text(data.channels?.[c] ?? `${c}`) : '',
        side: c === 0 ? text(data.samples?.[a] ?? `${a}`) : '', sideAt: sample / 2, sideTall: sample + apart }, (r, w) => (c < C ? ((a * C + c) * H + r) * W + w : -1));
    }
    height = 22 + N * (sample + apart);
  } else if (shape.length === 3 && shape[0] <= MOST_SAMPLES) {
    const [N, L, D] = shape, left = 30, apart = N > 12 ? 4 : 20, h = Math.max(4, Math.min(24, 620 / (N * L)) * L);
    for (let a = 0; a < N; ++a) {
      put({ x: left, y: 14 + a * (h + apart), w: width - left, h, rows: L, cols: D, labels: data.tokens?.[a], gap: h / L > 8 ? 2 : 0, lined: true }, (r, c) => (a * L + r) * D + c);
    }
    height = 14 + N * (h + apart) - apart + 12;
  } else {
    // A matrix: a row a sample. What has too many axes to be shown as blocks stands here too.
    const [rows, cols] = shape.length > 1 ? [shape[0], n / shape[0]] : [Math.ceil(n / Math.ceil(Math.sqrt(n))), Math.ceil(Math.sqrt(n))];
    const left = data.samples ? 104 : 6, h = Math.max(60, Math.min(560, rows * 28));
    put({ x: left, y: 22, w: width - left, h, rows, cols, labels: data.samples, tops: shape.length < 3 ? data.channels : undefined, gap: rows < 40 && cols < 60 ? 1.5 : 0 }, (r, c) => (r * cols + c < n ? r * cols + c : -1));
    height = h + 26;
  }
  return {
    width, height, panels, place, scale, sheet: sheetOf(panels), photo: shape.length === 4,
    find(x, y) {
      for (const p of panels) {
        if (x < p.x || y < p.y || x >= p.x + p.w || y >= p.y + p.h) continue;
        return p.at[Math.floor((y - p.y) / p.h * p.rows) * p.cols + Math.floor((x - p.x) / p.w * p.cols)];
      }
      return -1;
    },
    rect(i) {
      const p = panels[place.panel[i]], w = p.w / p.cols, h = p.h / p.rows;
      return { x: p.x + place.col[i] * w, y: p.y + place.row[i] * h, w, h };
    },
    /// The neighbour in a direction, or the element itself.
    step(i, dx, dy) {
      const number = place.panel[i], p = panels[number], c = place.col[i] + dx, r = place.row[i] + dy;
      if (c >= 0 && r >= 0 && c < p.cols && r < p.rows) return p.at[r * p.cols + c] < 0 ? i : p.at[r * p.cols + c];
      const { x, y, w, h } = this.rect(i);
      for (let far = 2; far < 300; far += 2) {
        const hit = this.find(x + w / 2 + dx * (w / 2 + far), y + h / 2 + dy * (h / 2 + far));
        if (hit >= 0) return hit;
      }
      return i;
    },
  };
}

/// Each stage's values and the ruler that makes positions between 0 and 1 of them: (value + shift) * scale. Before and centred share
/// one ruler, scaled and affine another.
export function tonesOf(result) {
  // Of many elements a sample sets the ruler: it is for the eye.
  const { x, ids } = result, stride = Math.max(1, Math.floor(x.length / 2048)), some = [];
  for (let i = 0; i < x.length; i += stride) if (ids[i] >= 0) some.push(x[i]);
  const sorted = Float32Array.from(some).sort(), pick = (q) => sorted[Math.floor(q * (sorted.length - 1))] ?? 0;
  const low = pick(0.01), span = pick(0.98) - low || 1, scores = { shift: 2.2, scale: 1 / 4.4 };
  return [{ values: () => x, shift: -low, scale: 1 / span }, { values: () => result.centred, shift: span / 2, scale: 1 / span }, { values: () => result.plain, ...scores }, { values: () => result.y, ...scores }];
}

/// Between stage `from` and stage `to` of the tones, f of the way.
export const toneBetween = (from, to, f) => (f === 0 ? { from, a: from.values() } : f === 1 ? { from: to, a: to.values() } : { from, a: from.values(), to, b: to.values(), f });
const clamp = (v) => (v < 0 ? 0 : v > 1 ? 1 : v);
export const toneAt = ({ from, a, to, b, f }, i) => {
  const t = clamp((a[i] + from.shift) * from.scale);
  return to ? t + (clamp((b[i] + to.shift) * to.scale) - t) * f : t;
};
