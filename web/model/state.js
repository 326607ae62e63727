// SPDX-License-Identifier: Apache-2.0
// The state that the address holds, and the tensor that follows from it.

export const DEFAULTS = { data: 'incomes', norm: 'region', groups: 2, level: 'layer2', out: '', eps: -5, weight: 1, bias: 0, vary: false, undo: false,
  pads: false, outlier: 0, shift: 0, contrast: 0, mode: 'train', momentum: 0.1, at: -1, a: -1, b: -1, stage: 3, lang: '', theme: '', step: 1 };

/// The state in which nothing has been turned.
export const AT_REST = { weight: 1, bias: 0, vary: false, undo: false, outlier: 0, shift: 0, contrast: 0, out: '', mode: 'train', eps: -5, pads: false };

const LEAST = { groups: 1, at: -1, a: -1, b: -1, step: 1 };  // of whole numbers
const RANGES = { stage: [0, 3], eps: [-8, 4], contrast: [-6, 0], momentum: [0.01, 1], shift: [-3, 3], outlier: [0, 20], weight: [-2, 3], bias: [-3, 3] };

export const readState = (hash) => {
  const state = { ...DEFAULTS };
  for (const [key, value] of new URLSearchParams(hash.slice(1))) {
    if (!Object.hasOwn(DEFAULTS, key)) continue;
    const kind = typeof DEFAULTS[key], number = Number(value);
    if (kind === 'number' && value.trim() !== '' && Number.isFinite(number)) {
      const [low, high] = RANGES[key] ?? [LEAST[key], 1e9];
      state[key] = Math.min(high, Math.max(low, key in LEAST ? Math.trunc(number) : number));
    } else if (kind === 'boolean') {
      state[key] = value === 'true';
    } else if (kind === 'string' && /^[\w.+-]{0,64}$/.test(value)) {
      state[key] = value;
    }
  }
  if (!['', 'en', 'zh'].includes(state.lang)) state.lang = '';
  if (!['', 'light', 'dark'].includes(state.theme)) state.theme = '';
  return state;
};

const MOST_EDITS = 64;  // in an address: longer ones are cut off by what they are pasted into
const EDIT = /^(\d{1,9})_(-?\d{1,40}(?:\.\d{1,40})?(?:e[+-]?\d{1,2})?)$/;
/// Values that were typed over, as element_value~element_value; what is no such list is none.
export function readEdits(hash) {
  const found = (new URLSearchParams(hash.slice(1)).get('edits') ?? '').split('~').slice(0, MOST_EDITS).map((part) => EDIT.exec(part));
  return new Map(found.filter((m) => m && Math.abs(Number(m[2])) < 3e38).map((m) => [Number(m[1]), Number(m[2])]));
}
export const writeState = (state, edits) => '#' + new URLSearchParams([...Object.entries(state).filter(([k, v]) => k in DEFAULTS && v !== DEFAULTS[k]),
  ...(edits.size && state.data !== 'own' ? [['edits', [...edits].slice(0, MOST_EDITS).map((e) => e.join('_')).join('~')]] : [])]);

/// The samples that stand outside the batch; one at least stays inside.
export function outside(state, data) {
  if (data.by || !state.out) return new Set();
  const out = new Set(state.out.split('.').map(Number).filter((n) => Number.isInteger(n) && n >= 0 && n < data.shape[0]));
  if (out.size >= data.shape[0]) out.delete(0);
  return out;
}

/// The tensor's deviation, the unit of outliers and shifts. Of the data as they came, so it is found once.
const deviationOf = (data) => {
  if (data.deviation !== undefined) return data.deviation;
  let mean = 0, square = 0;
  for (const v of data.x) mean += v / data.x.length;
  for (const v of data.x) square += (v - mean) ** 2 / data.x.length;
  return (data.deviation = Math.sqrt(square));
};

/// The whole tensor after the reader's edits: values, an outlier, the first sample with less contrast or shifted. Not to be written to.
export function inputOf(state, data, edits) {
  if (!edits.size && !state.outlier && (data.by || (!state.contrast && !state.shift))) return data.x;
  const x = data.x.slice(), spread = deviationOf(data);
  for (const [index, value] of edits) if (index < x.length) x[index] = value;
  if (!data.by) {
    const first = data.lengths ? data.lengths[0] * data.shape[2] : x.length / data.shape[0];
    if (state.contrast) {
      const keep = state.contrast <= -6 ? 0 : 10 ** state.contrast;
      let mean = 0;
      for (let i = 0; i < first; ++i) mean += x[i] / first;
      for (let i = 0; i < first; ++i) x[i] = mean + keep * (x[i] - mean);
    }
    if (state.shift) for (let i = 0; i < first; ++i) x[i] += state.shift * spread;
  }
  if (state.outlier) x[state.at >= 0 && state.at < x.length ? state.at : 0] += state.outlier * spread;
  return x;
}

/// The samples inside the batch as a tensor of their own: what the core is given. members: their numbers in the whole.
export function batchOf(x, state, data) {
  const out = outside(state, data), all = data.shape[0], per = x.length / all;
  if (out.size === 0) return { x, shape: data.shape, members: null, lengths: data.lengths };
  const members = Array.from({ length: all }, (_, n) => n).filter((n) => !out.has(n)), part = new Float32Array(members.length * per);
  members.forEach((n, k) => part.set(x.subarray(n * per, (n + 1) * per), k * per));
  return { x: part, shape: [members.length, ...data.shape.slice(1)], members, lengths: data.lengths && members.map((n) => data.lengths[n]) };
}

/// Back into the whole: what stands outside the batch gets `absent`.
export function scatter(part, whole, members, absent) {
  if (!members) return part;
  const all = new part.constructor(whole).fill(absent), per = part.length / members.length;
  members.forEach((n, k) => all.set(part.subarray(k * per, (k + 1) * per), n * per));
  return all;
}

/// The index of an element along the axes.
export const indexOf = (i, shape) => {
  const index = [];
  for (let k = shape.length - 1; k >= 0; --k) {
    index[k] = i % shape[k];
    i = Math.floor(i / shape[k]);
  }
  return index;
};
