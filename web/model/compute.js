// SPDX-License-Identifier: Apache-2.0
// What the core makes of the state: all that is drawn.
import { inputOf, batchOf, scatter } from './state.js';
import { groupingOf } from './norms.js';

/// weight and bias, one for each parameter; of "undo" those that give BatchNorm its input back.
function parametersOf(core, state, shape, grouping, moments, eps) {
  if (grouping.kind === 'labels' || (state.weight === 1 && state.bias === 0 && !state.vary && !state.undo)) return {};
  const count = core.parameters(shape, grouping);
  if (state.undo && state.norm === 'batch' && count === moments.length) {
    return { weight: Float32Array.from(moments, (m) => Math.sqrt(m.m2 / m.count + eps)), bias: Float32Array.from(moments, (m) => m.mean), undone: true };
  }
  const weight = Float32Array.from({ length: count }, (_, k) => state.weight * (state.vary ? 1 + 0.9 * Math.sin(2.4 * k) : 1));
  return { weight, bias: new Float32Array(count).fill(state.bias) };
}

/// For each element of the whole tensor the number of its distribution, and of the batch alone. Kept, as most frames of a drag ask for
/// the same; who holds the array may compare it with ===.
const KEPT = 8;
const assigned = new WeakMap();
function idsOf(core, norm, data, { shape, members, lengths }, grouping) {
  const kept = assigned.get(data) ?? new Map(), key = JSON.stringify([data.by ? norm : grouping, shape, members, lengths]);
  let found = kept.get(key);
  if (!found) {
    const part = core.assign(shape, grouping);
    found = { part, whole: scatter(part, data.x.length, members, -1) };
    if (kept.size >= KEPT) kept.delete(kept.keys().next().value);
    assigned.set(data, kept.set(key, found));
  }
  return found;
}

/// running: {mean, variance} for BatchNorm in eval. The arrays x, y, plain, centred and ids are of the whole tensor; what stands
/// outside the batch has ids of -1 and y of 0. batch: what the core was given and gave.
export function compute(core, state, data, edits, running) {
  const x = inputOf(state, data, edits), batch = batchOf(x, state, data), { shape, members } = batch, norm = state.norm;
  const grouping = groupingOf(norm, state, data, batch), options = { eps: 10 ** state.eps, centered: norm !== 'rms' };
  const ids = idsOf(core, norm, data, batch, grouping), trained = core.normalize(batch.x, shape, grouping, options);
  const evaluating = state.mode === 'eval' && norm === 'batch' && Boolean(running);
  const moments = evaluating ? running.mean.map((mean, k) => ({ count: 1, mean, meanLow: 0, m2: running.variance[k] })) : trained.moments;
  const plain = evaluating ? core.normalizeWith(batch.x, shape, grouping, moments, options) : trained.y;
  const parameters = parametersOf(core, state, shape, grouping, moments, options.eps);
  const y = parameters.weight ? core.normalizeWith(batch.x, shape, grouping, moments, { ...options, ...parameters }) : plain;
  const whole = (part, absent = 0) => scatter(part, x.length, members, absent), plainWhole = whole(plain);
  let centred;  // found when it is asked for: most frames show other stages
  return {
    get centred() {
      return (centred ??= whole(core.normalizeWith(batch.x, shape, grouping, moments.map((m) => ({ ...m, count: 1, m2: 1 })), { ...options, eps: 0 })));
    },
    x, plain: plainWhole, y: y === plain ? plainWhole : whole(y), ids: ids.whole, batch: { ...batch, ids: ids.part, y, trained: trained.y },
    weighted: y !== plain, weight: parameters.weight, bias: parameters.bias, undone: parameters.undone, shape: data.shape, grouping, moments, measured: trained.moments,
    options, norm, groups: state.groups, evaluating, distributions: moments.length, data,
  };
}

/// The numbers of one distribution: their places, and their values before and after.
export function membersOf(result, id) {
  const places = [];
  for (let i = 0; i < result.ids.length; ++i) if (result.ids[i] === id) places.push(i);
  return { places, before: Float32Array.from(places, (i) => result.x[i]), after: Float32Array.from(places, (i) => result.plain[i]) };
}
