// SPDX-License-Identifier: Apache-2.0
// The samples as tensors: {id, x, shape, axes, channel, lengths, names…}.

const bytesOf = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

export function incomes(samples) {
  const rows = [...samples.incomes].sort((a, b) => a[1].localeCompare(b[1]) || a[2].localeCompare(b[2]) || a[3] - b[3]);
  const keysBy = (column) => {
    const names = [...new Set(rows.map((r) => r[column]))];
    return { keys: rows.map((r) => names.indexOf(r[column])), names };
  };
  return {
    id: 'incomes', x: Float32Array.from(rows, (r) => r[3]), shape: [rows.length], axes: ['N'], names: rows.map((r) => r[0]), codes: rows.map((r) => r[4]),
    by: { region: keysBy(2), continent: keysBy(1), world: { keys: rows.map(() => 0), names: ['world'] } },
  };
}

export function photos(samples) {
  const u8 = bytesOf(samples.photos.u8), x = new Float32Array(u8.length);
  for (let n = 0; n < 4; ++n) for (let p = 0; p < 1024; ++p) for (let c = 0; c < 3; ++c) x[(n * 3 + c) * 1024 + p] = u8[(n * 1024 + p) * 3 + c];
  return { id: 'images', x, shape: [4, 3, 32, 32], axes: ['N', 'C', 'H', 'W'], channel: 1, samples: samples.photos.names, channels: ['R', 'G', 'B'] };
}

export function sentences(samples, level = 'layer2') {
  const parts = [0, 1].map((k) => samples.sentences.levels[`sentence${k}.${level}`]);
  const d = parts[0].shape[1], l = Math.max(...parts.map((p) => p.shape[0])), x = new Float32Array(2 * l * d);
  parts.forEach((p, k) => x.set(new Float32Array(bytesOf(p.f32).buffer), k * l * d));
  return { id: 'sentences', x, shape: [2, l, d], axes: ['N', 'L', 'D'], channel: 2, lengths: parts.map((p) => p.shape[0]),
    tokens: samples.sentences.tokens, at: samples.sentences.at, level };
}

const EDGES = [[[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], [[-1, -2, -1], [0, 0, 0], [1, 2, 1]], [[0, -1, 0], [-1, 4, -1], [0, -1, 0]]];  // Sobel, Sobel, Laplace

/// The photographs' red, green and blue, and what three filters answer to their brightness: as a first convolution gives them.
export function features(samples) {
  const { x, samples: names } = photos(samples), size = 32, plane = size * size, out = new Float32Array(4 * 6 * plane);
  for (let n = 0; n < 4; ++n) {
    const bright = (r, c) => {
      const p = Math.min(size - 1, Math.max(0, r)) * size + Math.min(size - 1, Math.max(0, c));
      return (x[n * 3 * plane + p] + x[(n * 3 + 1) * plane + p] + x[(n * 3 + 2) * plane + p]) / 3;
    };
    out.set(x.subarray(n * 3 * plane, (n + 1) * 3 * plane), n * 6 * plane);
    EDGES.forEach((filter, f) => {
      for (let r = 0; r < size; ++r) for (let c = 0; c < size; ++c) {
        let sum = 0;
        for (let i = 0; i < 3; ++i) for (let j = 0; j < 3; ++j) sum += filter[i][j] * bright(r + i - 1, c + j - 1);
        out[((n * 6 + 3 + f) * size + r) * size + c] = sum;
      }
    });
  }
  return { id: 'features', x: out, shape: [4, 6, size, size], axes: ['N', 'C', 'H', 'W'], channel: 1, samples: names, channels: ['R', 'G', 'B', 'edge.v', 'edge.h', 'edge.o'] };
}
