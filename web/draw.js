// SPDX-License-Identifier: Apache-2.0
// Pictures: the tensor as a block on a canvas, rank lines and histograms as SVG.

const TAU = 2 * Math.PI;

/// Where each element stands in a picture of this width. Panels lie side by side where channels do, one below the other where samples do.
/// scale: how much larger than the layout's units the screen's are.
export function layoutOf(data, shape, width, text, scale = 1) {
  const n = shape.reduce((a, b) => a * b, 1), place = { panel: new Int16Array(n), row: new Int32Array(n), col: new Int32Array(n) };
  const panels = [], gap = 10, narrow = width < 420;
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
    const cols = Math.max(...rows.map((r) => r.length)), left = narrow ? 128 : 168, h = 21 * names.length;
    put({ x: left, y: 4, w: width - left, h, rows: names.length, cols, labels: names.map((name) => text(name)), gap: 1.5, codes: data.codes }, (r, c) => rows[r][c] ?? -1);
    height = h + 8;
  } else if (shape.length === 4) {
    const [N, C, H, W] = shape, left = data.samples ? 74 : 22, side = Math.max(8, Math.min((width - left - gap * (C - 1)) / C, 190)), tall = side * H / W;
    for (let a = 0; a < N; ++a) for (let c = 0; c < C; ++c) {
      put({ x: left + c * (side + gap), y: 22 + a * (tall + gap), w: side, h: tall, rows: H, cols: W, top: a === 0 ? data.channels?.[c] ?? `${c}` : '', side: c === 0 ? text(data.samples?.[a] ?? `${a}`) : '' },
        (r, k) => ((a * C + c) * H + r) * W + k);
    }
    height = 22 + N * (tall + gap);
  } else if (shape.length === 3) {
    const [N, L, D] = shape, left = 30, h = Math.max(3, Math.min(24, 620 / (N * L))) * L;
    for (let a = 0; a < N; ++a) {
      put({ x: left, y: 6 + a * (h + 20), w: width - left, h, rows: L, cols: D, labels: data.tokens?.[a], gap: h / L > 8 ? 2 : 0, lined: true }, (r, c) => (a * L + r) * D + c);
    }
    height = N * (h + 20);
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

const PALETTES = {
  light: { paper: [251, 250, 247], grey: [[240, 238, 233], [120, 124, 130]], lit: [[205, 227, 245], [6, 66, 120]], ink: '#1d2126', soft: '#5b636d', a: '#c2410c', b: '#6d28a8', litInk: '#0b63ad', lone: [236, 225, 210] },
  dark: { paper: [20, 23, 26], grey: [[36, 40, 45], [112, 118, 126]], lit: [[22, 56, 88], [158, 214, 255]], ink: '#e8e6e1', soft: '#a4abb3', a: '#ff9a62', b: '#cfa3ff', litInk: '#6db6f5', lone: [60, 52, 44] },
};
export const paletteOf = (dark) => PALETTES[dark ? 'dark' : 'light'];

const scratch = () => (scratch.canvas ??= document.createElement('canvas'));

/// tones: 0…1 an element; lit: the number of the distribution that is marked.
export function drawBlock(canvas, layout, tones, ids, { lit, at, a, b, dark }) {
  const ratio = Math.min(3, window.devicePixelRatio || 1), palette = paletteOf(dark), zoom = ratio * layout.scale, [wide, tall] = [Math.round(layout.width * zoom), Math.round(layout.height * zoom)];
  if (canvas.width !== wide || canvas.height !== tall) {
    [canvas.width, canvas.height] = [wide, tall];
    canvas.style.height = `${layout.height * layout.scale}px`;
  }
  const g = canvas.getContext('2d');
  g.setTransform(zoom, 0, 0, zoom, 0, 0);
  g.clearRect(0, 0, layout.width, layout.height);
  g.textBaseline = 'middle';
  const invert = layout.photo && !dark;  // of a photograph, more is lighter
  const font = getComputedStyle(document.body).fontFamily;
  for (const p of layout.panels) {
    const off = scratch();
    [off.width, off.height] = [p.cols, p.rows];
    const context = off.getContext('2d'), image = context.createImageData(p.cols, p.rows), pixels = new Uint32Array(image.data.buffer);
    let marked = false;
    for (let k = 0; k < p.at.length; ++k) {
      const i = p.at[k];
      if (i < 0) continue;
      const t = invert ? 1 - tones[i] : tones[i], mine = ids[i] === lit && lit >= 0, from = mine ? palette.lit[0] : palette.grey[0], to = mine ? palette.lit[1] : palette.grey[1];
      marked ||= mine;
      pixels[k] = ids[i] < 0 ? 0 : (255 << 24) | ((from[2] + (to[2] - from[2]) * t) << 16) | ((from[1] + (to[1] - from[1]) * t) << 8) | (from[0] + (to[0] - from[0]) * t);
    }
    context.putImageData(image, 0, 0);
    g.imageSmoothingEnabled = false;
    g.drawImage(off, p.x, p.y, p.w, p.h);
    if (p.gap) {
      g.fillStyle = `rgb(${palette.paper})`;
      for (let r = 1; r < p.rows; ++r) g.fillRect(p.x, p.y + r * p.h / p.rows - p.gap / 2, p.w, p.gap);
      if (!p.lined) for (let c = 1; c < p.cols; ++c) g.fillRect(p.x + c * p.w / p.cols - p.gap / 2, p.y, p.gap, p.h);
    }
    if (p.codes && p.w / p.cols >= 19) {
      g.font = `600 10px ${font}`;
      g.textAlign = 'center';
      p.at.forEach((i, k) => {
        if (i < 0) return;
        const [from, to] = ids[i] === lit ? palette.lit : palette.grey, shade = from[1] + (to[1] - from[1]) * tones[i];
        g.fillStyle = shade > 140 ? '#14171a' : '#fff';
        g.fillText(p.codes[i], p.x + (k % p.cols + 0.5) * p.w / p.cols, p.y + (Math.floor(k / p.cols) + 0.5) * p.h / p.rows + 0.5);
      });
    }
    if (marked && p.rows > 4 && layout.panels.length > 2) {
      g.strokeStyle = palette.litInk;
      g.lineWidth = 2;
      g.strokeRect(p.x - 1, p.y - 1, p.w + 2, p.h + 2);
    }
    g.font = `12px ${font}`;
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
    if (p.top) g.fillText(p.top, p.x + p.w / 2, p.y - 10);
    if (p.tops && p.w / p.cols > 24) p.tops.forEach((top, c) => g.fillText(String(top), p.x + (c + 0.5) * p.w / p.cols, p.y - 10, p.w / p.cols - 4));
  }
  const mark = (i, color, letter) => {
    if (i < 0 || i >= ids.length) return;
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
    g.font = `bold 12px ${font}`;
    g.textAlign = 'center';
    g.fillText(letter, cx, by + 0.5);
  };
  mark(at, palette.ink);
  mark(a, palette.a, 'A');
  mark(b, palette.b, 'B');
}

// ---- SVG. Made of nodes, never of markup, so that no name in the data is read as such. ----

const node = (name, attributes, ...children) => {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, typeof value === 'number' ? Math.round(value * 100) / 100 : value);
  element.append(...children);
  return element;
};

const range = (values) => {
  let low = Infinity, high = -Infinity;
  for (const v of values) [low, high] = [Math.min(low, v), Math.max(high, v)];
  return high > low ? [low, high] : [low - 1, high + 1];
};

/// Two axes, before and after; a line for each element of `members`: {i, color, label, bold, dash}.
export function rankLines(before, after, members, { width, dark, format, title, heads }) {
  const palette = paletteOf(dark), height = 330, left = 0.3 * width, right = 0.7 * width, top = 34, bottom = height - 14;
  const [bl, bh] = range(members.map((m) => before[m.i])), [al, ah] = range(members.map((m) => after[m.i]));
  const yb = (v) => bottom - (v - bl) / (bh - bl) * (bottom - top), ya = (v) => bottom - (v - al) / (ah - al) * (bottom - top);
  const svg = node('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': title });
  svg.append(node('text', { x: left, y: 16, 'text-anchor': 'end', class: 'soft', fill: palette.soft }, heads[0]), node('text', { x: right, y: 16, class: 'soft', fill: palette.soft }, heads[1]));
  for (const x of [left, right]) svg.append(node('line', { x1: x, x2: x, y1: top, y2: bottom, stroke: palette.soft, 'stroke-width': 1 }));
  let lastLeft = [], lastRight = [];
  const free = (taken, y) => !taken.some((other) => Math.abs(other - y) < 15);
  for (const m of [...members].sort((p, q) => (p.bold ? 1 : 0) - (q.bold ? 1 : 0))) {
    const [y1, y2] = [yb(before[m.i]), ya(after[m.i])];
    svg.append(node('line', { x1: left, y1, x2: right, y2, stroke: m.color, 'stroke-width': m.bold ? 3.5 : 1.2, 'stroke-opacity': m.bold ? 1 : 0.6, ...(m.dash ? { 'stroke-dasharray': '5 4' } : {}) }),
      node('circle', { cx: left, cy: y1, r: m.bold ? 4.5 : 2.2, fill: m.color }), node('circle', { cx: right, cy: y2, r: m.bold ? 4.5 : 2.2, fill: m.color }));
  }
  for (const m of [...members].sort((p, q) => (q.bold ? 1 : 0) - (p.bold ? 1 : 0))) {
    const [y1, y2] = [yb(before[m.i]), ya(after[m.i])], style = { fill: palette.ink, 'font-weight': m.bold ? 700 : 400, 'font-size': 12.5 };
    if (free(lastLeft, y1)) {
      svg.append(node('text', { x: left - 10, y: y1 + 4, 'text-anchor': 'end', ...style }, `${width > 520 ? m.label + '  ' : m.bold ? m.label.slice(0, 9) + ' ' : ''}${format(before[m.i])}`));
      lastLeft.push(y1);
    }
    if (free(lastRight, y2)) {
      svg.append(node('text', { x: right + 10, y: y2 + 4, ...style }, `${format(after[m.i])}${width > 520 || m.bold ? '  ' + m.label.slice(0, width > 520 ? 40 : 9) : ''}`));
      lastRight.push(y2);
    }
  }
  return svg;
}

/// One distribution before and after, and a normal curve over the second.
export function histograms(before, after, { width, dark, format, title, heads }) {
  const palette = paletteOf(dark), height = 170, w = (width - 30) / 2, svg = node('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': title });
  [before, after].forEach((values, side) => {
    const [low, high] = range(values), bins = new Array(Math.max(8, Math.min(36, Math.round(Math.sqrt(values.length) * 2)))).fill(0), x0 = side * (w + 30);
    for (const v of values) bins[Math.min(bins.length - 1, Math.floor((v - low) / (high - low) * bins.length))]++;
    const most = Math.max(...bins, side ? values.length * (high - low) / bins.length / Math.sqrt(TAU) : 0), y = (c) => 140 - c / most * 108;
    bins.forEach((c, k) => svg.append(node('rect', { x: x0 + k * w / bins.length + 0.5, y: y(c), width: w / bins.length - 1, height: 140 - y(c), fill: palette.litInk, 'fill-opacity': 0.75 })));
    if (side) {
      const points = Array.from({ length: 81 }, (_, k) => {
        const v = low + k / 80 * (high - low);
        return `${(x0 + k / 80 * w).toFixed(1)},${y(values.length * (high - low) / bins.length * Math.exp(-v * v / 2) / Math.sqrt(TAU)).toFixed(1)}`;
      });
      svg.append(node('polyline', { points: points.join(' '), fill: 'none', stroke: palette.a, 'stroke-width': 2, 'stroke-dasharray': '5 3' }));
    }
    svg.append(node('text', { x: x0, y: 16, class: 'soft', fill: palette.soft, 'font-size': 13 }, heads[side]), node('text', { x: x0, y: 158, fill: palette.ink, 'font-size': 12.5 }, format(low)),
      node('text', { x: x0 + w, y: 158, 'text-anchor': 'end', fill: palette.ink, 'font-size': 12.5 }, format(high)));
  });
  return svg;
}

/// Lines over batches; targets are dashed: {values, target, color, label}.
export function courses(lines, { width, dark, title, format }) {
  const palette = paletteOf(dark), height = 190, left = 8, right = width - 130, svg = node('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': title });
  const [low, high] = range(lines.flatMap((l) => [...l.values, l.target])), y = (v) => 175 - (v - low) / (high - low) * 160, steps = Math.max(1, lines[0].values.length - 1);
  let taken = [];
  lines.forEach((l, k) => {
    svg.append(node('line', { x1: left, x2: right, y1: y(l.target), y2: y(l.target), stroke: l.color, 'stroke-dasharray': '3 4' }));
    svg.append(node('polyline', { points: l.values.map((v, t) => `${(left + t / steps * (right - left)).toFixed(1)},${y(v).toFixed(1)}`).join(' '), fill: 'none', stroke: l.color, 'stroke-width': 2.4 }));
    const at = y(l.values.at(-1)), free = taken.some((other) => Math.abs(other - at) < 14) ? Math.max(...taken) + 15 : at;
    taken.push(free);
    svg.append(node('text', { x: right + 8, y: Math.min(185, free + 4), fill: palette.ink, 'font-size': 12.5 }, `${l.label} ${format(l.values.at(-1))}`));
  });
  return svg;
}
