// SPDX-License-Identifier: Apache-2.0
// Where each element of the tensor stands in the picture.

/// Where each element stands in a picture of this width. Panels lie side by side where channels do, one below the other where samples do.
/// scale: how much larger than the layout's units the screen's are.
export function layoutOf(data, shape, width, text, scale = 1) {
  const n = shape.reduce((a, b) => a * b, 1), place = { panel: new Int16Array(n), row: new Int32Array(n), col: new Int32Array(n) };
  const panels = [], gap = shape[1] > 4 ? 6 : 10, narrow = width < 420;
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
  let height = 0;
  if (data.by) {
    const { keys, names } = data.by.region, rows = names.map((_, k) => keys.flatMap((key, i) => (key === k ? [i] : [])));
    const cols = Math.max(...rows.map((r) => r.length)), left = narrow ? 118 : 148, h = 21 * names.length;
    put({ x: left, y: 4, w: width - left, h, rows: names.length, cols, labels: names.map((name) => text(name)), gap: 1.5, codes: data.codes }, (r, c) => rows[r][c] ?? -1);
    height = h + 8;
  } else if (shape.length === 4) {
    const [N, C, H, W] = shape, left = data.samples ? (narrow ? 62 : 74) : 22, side = Math.max(8, Math.min((width - left - gap * (C - 1)) / C, 150)), tall = side * H / W;
    for (let a = 0; a < N; ++a) for (let c = 0; c < C; ++c) {
      put({ x: left + c * (side + gap), y: 22 + a * (tall + gap), w: side, h: tall, rows: H, cols: W, top: a === 0 ? text(data.channels?.[c] ?? `${c}`) : '', side: c === 0 ? text(data.samples?.[a] ?? `${a}`) : '' },
        (r, k) => ((a * C + c) * H + r) * W + k);
    }
    height = 22 + N * (tall + gap);
  } else if (shape.length === 3) {
    const [N, L, D] = shape, left = 30, h = Math.max(3, Math.min(24, 620 / (N * L))) * L;
    for (let a = 0; a < N; ++a) {
      put({ x: left, y: 14 + a * (h + 20), w: width - left, h, rows: L, cols: D, labels: data.tokens?.[a], gap: h / L > 8 ? 2 : 0, lined: true }, (r, c) => (a * L + r) * D + c);
    }
    height = N * (h + 20) + 6;
  } else {
    const [rows, cols] = shape.length === 2 ? shape : [Math.ceil(n / Math.ceil(Math.sqrt(n))), Math.ceil(Math.sqrt(n))];
    const left = data.samples ? 104 : 6, h = Math.max(60, Math.min(560, rows * 28));
    put({ x: left, y: 22, w: width - left, h, rows, cols, labels: data.samples, tops: data.channels, gap: rows < 40 && cols < 60 ? 1.5 : 0 }, (r, c) => (r * cols + c < n ? r * cols + c : -1));
    height = h + 26;
  }
  return {
    width, height, panels, place, scale, photo: shape.length === 4,
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
      for (let far = 12; far < 300; far += 12) {
        const hit = this.find(x + w / 2 + dx * (w / 2 + far), y + h / 2 + dy * (h / 2 + far));
        if (hit >= 0) return hit;
      }
      return i;
    },
  };
}

/// Values as positions between 0 and 1: before and centred on one ruler, scaled and affine on another.
export function tonesOf(result) {
  // Of many elements a sample sets the ruler: it is for the eye.
  const { x, ids } = result, stride = Math.max(1, Math.floor(x.length / 8192)), some = [];
  for (let i = 0; i < x.length; i += stride) if (ids[i] >= 0) some.push(x[i]);
  const sorted = Float32Array.from(some).sort(), pick = (q) => sorted[Math.floor(q * (sorted.length - 1))] ?? 0;
  const low = pick(0.01), span = pick(0.98) - low || 1, map = (values, shift, scale) => {
    const out = new Float32Array(values.length);
    for (let i = 0; i < out.length; ++i) {
      const v = (values[i] + shift) * scale;
      out[i] = v < 0 ? 0 : v > 1 ? 1 : v;
    }
    return out;
  };
  return [map(x, -low, 1 / span), map(result.centred, span / 2, 1 / span), map(result.plain, 2.2, 1 / 4.4), map(result.y, 2.2, 1 / 4.4)];
}
