// SPDX-License-Identifier: Apache-2.0
// One state, and what the core makes of it.

export const DEFAULTS = { data: 'incomes', norm: 'region', groups: 3, level: 'layer2', batch: 0, eps: -5, weight: 1, bias: 0, vary: false,
  pads: false, outlier: 0, shift: 0, mode: 'train', momentum: 0.1, at: -1, a: -1, b: -1, stage: 3, lang: '', theme: '', step: 1 };

const WHOLE = { groups: 1, batch: 0, at: -1, a: -1, b: -1, step: 1 };  // and the least that each may be

export const readState = (hash) => {
  const state = { ...DEFAULTS };
  for (const [key, value] of new URLSearchParams(hash.slice(1))) {
    if (!(key in DEFAULTS)) continue;
    const kind = typeof DEFAULTS[key];
    if (kind === 'number' && Number.isFinite(Number(value))) state[key] = key in WHOLE ? Math.max(WHOLE[key], Math.trunc(Number(value))) : Number(value);
    else if (kind === 'boolean') state[key] = value === 'true';
    else if (kind === 'string' && /^[\w.+-]{0,24}$/.test(value)) state[key] = value;
  }
  return state;
};
export const writeState = (state) => '#' + new URLSearchParams(Object.entries(state).filter(([k, v]) => k in DEFAULTS && v !== DEFAULTS[k]));

/// The norms that a tensor can have: name → the axes that are measured together.
export function normsOf(data) {
  const rank = data.shape.length;
  if (data.by) return { region: null, continent: null, world: null };
  if (rank === 1) return { world: [0] };
  if (rank === 2) return { batch: [0], token: [1], rms: [1] };
  if (rank === 3) return { batch: [0, 1], sample: [1, 2], token: [2], instance: [1], rms: [2] };
  return { batch: [0, 2, 3], sample: [1, 2, 3], position: [1], instance: [2, 3], group: null, rms: [1, 2, 3] };
}
const axesOf = (norm, data) => (norm.startsWith('axes') ? [...norm.slice(4)].map(Number).filter((k) => k < data.shape.length) : normsOf(data)[norm]);
export const pooled = (state, data) => (data.by ? [] : state.norm === 'group' ? [2, 3] : axesOf(state.norm, data) ?? []);
/// The name of a choice of axes: a norm's, or "axes012".
export const nameOf = (axes, data) => Object.entries(normsOf(data)).find(([, a]) => a?.join() === axes.join())?.[0] ?? 'axes' + axes.join('');

export function groupingOf(norm, state, data, shape) {
  if (data.by) return { kind: 'labels', axis: 0, keys: data.by[norm].keys.slice(0, shape[0]) };
  const narrowing = data.lengths && !state.pads ? { lengths: data.lengths.slice(0, shape[0]), lengthsAxis: 1 } : {};
  if (norm === 'group') return { kind: 'group', axis: 1, number: state.groups };
  const channel = norm === 'batch' || norm === 'instance' ? { parameterAxes: [data.channel] } : {};
  return { kind: 'over', axes: axesOf(norm, data), ...channel, ...narrowing };
}

/// The tensor's deviation, the unit of outliers and shifts. Of the data as they came, so it is found once.
const deviation = (data) => {
  if (data.deviation !== undefined) return data.deviation;
  let mean = 0, square = 0;
  for (const v of data.x) mean += v / data.x.length;
  for (const v of data.x) square += (v - mean) ** 2 / data.x.length;
  return (data.deviation = Math.sqrt(square));
};

/// The tensor after the reader's edits: values, an outlier, a shift of the first sample, a smaller batch.
export function inputOf(state, data, edits) {
  const all = data.shape[0], batch = data.by || state.batch < 1 ? all : Math.min(all, Math.round(state.batch));
  const shape = [batch, ...data.shape.slice(1)], per = data.x.length / all, x = data.x.slice(0, batch * per), spread = deviation(data);
  for (const [index, value] of edits) if (index < x.length) x[index] = value;
  if (state.shift && !data.by) for (let i = 0; i < (data.lengths ? data.lengths[0] * data.shape[2] : per); ++i) x[i] += state.shift * spread;
  const at = state.at >= 0 && state.at < x.length ? state.at : 0;
  if (state.outlier) x[at] += state.outlier * spread;
  return { x, shape };
}

const parametersOf = (core, state, shape, grouping) => {
  if (state.weight === 1 && state.bias === 0 && !state.vary) return {};
  const count = grouping.kind === 'labels' ? 1 : core.parameters(shape, grouping);
  const weight = Float32Array.from({ length: count }, (_, k) => state.weight * (state.vary ? 1 + 0.9 * Math.sin(2.4 * k) : 1));
  return { weight, bias: new Float32Array(count).fill(state.bias) };
};

/// Everything that is drawn. running: {mean, variance} for BatchNorm in eval.
export function compute(core, state, data, edits, running) {
  const { x, shape } = inputOf(state, data, edits), norm = state.norm, grouping = groupingOf(norm, state, data, shape);
  const options = { eps: 10 ** state.eps, centered: norm !== 'rms' };
  const ids = core.assign(shape, grouping), trained = core.normalize(x, shape, grouping, options);
  const evaluating = state.mode === 'eval' && norm === 'batch' && running;
  const moments = evaluating ? running.mean.map((mean, k) => ({ count: 1, mean, meanLow: 0, m2: running.variance[k] })) : trained.moments;
  const plain = evaluating ? core.normalizeWith(x, shape, grouping, moments, options) : trained.y;
  const parameters = grouping.kind === 'labels' ? {} : parametersOf(core, state, shape, grouping);
  const y = parameters.weight ? core.normalizeWith(x, shape, grouping, moments, { ...options, ...parameters }) : plain;
  const unit = moments.map((m) => ({ ...m, count: 1, m2: 1 }));
  const centred = core.normalizeWith(x, shape, grouping, unit, { ...options, eps: 0 });
  return { x, y, plain, centred, shape, grouping, ids, moments, measured: trained.moments, options, norm, evaluating, distributions: moments.length };
}

/// The index of each element along the axes.
export const indexOf = (i, shape) => {
  const index = [];
  for (let k = shape.length - 1; k >= 0; --k) {
    index[k] = i % shape[k];
    i = Math.floor(i / shape[k]);
  }
  return index;
};

/// Numbers that are equal where the indices along these axes are: what countPairs takes as a kind. -1 where ids is -1.
const idsAlong = (shape, axes, ids) => Int32Array.from(ids, (id, i) => (id < 0 ? -1 : axes.reduce((key, k) => key * shape[k] + indexOf(i, shape)[k], 0)));

/// How much of the order each norm keeps, by kind of pair, on these data.
export function compareNorms(core, state, data, edits) {
  const { x, shape } = inputOf({ ...state, weight: 1 }, data, edits), rows = [];
  if (x.length > 200000) return { kinds: [], rows };
  const rank = shape.length, last = shape[rank - 1];
  for (const norm of Object.keys(normsOf(data))) {
    const grouping = groupingOf(norm, state, data, shape), options = { eps: 10 ** state.eps, centered: norm !== 'rms' };
    let y, ids;
    try {
      ids = core.assign(shape, grouping);
      ({ y } = core.normalize(x, shape, grouping, options));
    } catch (error) {
      rows.push({ norm, error: error.message });
      continue;
    }
    const share = (same, different) => {
      const { kept, reversed } = core.countPairs(x, y, same, different);
      return kept + reversed ? kept / (kept + reversed) : NaN;
    };
    const row = { norm, distributions: core.distributions(shape, grouping), within: share(ids, null), across: share(ids.map((id) => (id < 0 ? -1 : 0)), ids), kinds: [] };
    if (rank === 4) row.kinds = [share(idsAlong(shape, [1], ids), idsAlong(shape, [0], ids)), share(idsAlong(shape, [0], ids), idsAlong(shape, [1], ids))];
    if (rank === 3) row.kinds = [share(idsAlong(shape, [0, 1], ids), null), share(idsAlong(shape, [0], ids), idsAlong(shape, [0, 1], ids))];
    if (rank === 3) {
      const angles = core.turns(x, y, last).filter((v) => !Number.isNaN(v));
      row.angle = angles.reduce((a, b) => a + b, 0) / angles.length;
    }
    rows.push(row);
  }
  return { kinds: rank === 4 ? ['kind.channel', 'kind.image'] : rank === 3 ? ['kind.word', 'kind.sentence'] : [], rows };
}
