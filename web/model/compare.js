// SPDX-License-Identifier: Apache-2.0
// All norms on the same data: how much of the order each keeps, by kind of pair, and how far it turns vectors.
import { inputOf, batchOf } from './state.js';
import { groupingOf, normsOf } from './norms.js';

export const MOST_COMPARED = 50000;  // elements; beyond, counting pairs takes seconds

/// Numbers that are equal where the indices along these axes are: what countPairs takes as a kind. -1 where ids is -1.
function idsAlong(shape, axes, ids) {
  const step = shape.map((_, k) => shape.slice(k + 1).reduce((a, b) => a * b, 1)), numbers = new Int32Array(ids.length);
  for (let i = 0; i < ids.length; ++i) {
    let number = 0;
    for (const k of axes) number = number * shape[k] + Math.floor(i / step[k]) % shape[k];
    numbers[i] = ids[i] < 0 ? -1 : number;
  }
  return numbers;
}

export const meanOf = (values) => values.reduce((a, b) => a + b, 0) / values.length;

/// {kept, reversed} as a share of the pairs that have an order before and after; NaN where there are none.
export const keptShare = ({ kept, reversed }) => (kept + reversed ? kept / (kept + reversed) : NaN);

export function compareNorms(core, state, data, edits) {
  const batch = batchOf(inputOf(state, data, edits), state, data), { x, shape } = batch, rank = shape.length, rows = [];
  if (x.length > MOST_COMPARED) return { kinds: [], rows };
  for (const norm of Object.keys(normsOf(data))) {
    const grouping = groupingOf(norm, state, data, batch), options = { eps: 10 ** state.eps, centered: norm !== 'rms' };
    const ids = core.assign(shape, grouping), { y } = core.normalize(x, shape, grouping, options);
    const share = (same, different) => keptShare(core.countPairs(x, y, same, different));
    const row = { norm, distributions: core.distributions(shape, grouping), within: share(ids, null), across: share(ids.map((id) => (id < 0 ? -1 : 0)), ids), kinds: [] };
    if (rank === 4) row.kinds = [share(idsAlong(shape, [1], ids), idsAlong(shape, [0], ids)), share(idsAlong(shape, [0], ids), idsAlong(shape, [1], ids))];
    if (rank === 3) {
      row.kinds = [share(idsAlong(shape, [0, 1], ids), null), share(idsAlong(shape, [0], ids), idsAlong(shape, [0, 1], ids))];
      row.angle = meanOf(core.turns(x, y, shape[2]).filter((v) => !Number.isNaN(v)));
    }
    rows.push(row);
  }
  return { kinds: rank === 4 ? ['kind.channel', 'kind.image'] : rank === 3 ? ['kind.word', 'kind.sentence'] : [], rows };
}

/// By how much each sample's output differs from what it was before the reader turned anything; NaN for those outside the batch.
export function movedBy(core, result, base) {
  const { y, batch } = result, samples = batch.members ?? Array.from({ length: result.shape[0] }, (_, n) => n), per = y.length / result.shape[0], moved = new Array(result.shape[0]).fill(NaN);
  for (const n of samples) moved[n] = core.distance(y.subarray(n * per, (n + 1) * per), base.y.subarray(n * per, (n + 1) * per));
  return moved;
}

/// The vectors of the words that are no padding, before and after. words: their numbers among all.
export function compareVectors(core, result) {
  const { data, shape, x, y } = result, d = shape[2], words = [];
  for (let w = 0; w < shape[0] * shape[1] && words.length < 32; ++w) if (result.ids[w * d] >= 0 && w % shape[1] < (data.lengths?.[Math.floor(w / shape[1])] ?? Infinity)) words.push(w);
  const gather = (values) => {
    const out = new Float32Array(words.length * d);
    words.forEach((w, k) => out.set(values.subarray(w * d, (w + 1) * d), k * d));
    return out;
  };
  const [from, to] = [gather(x), gather(y)];
  return { words, d, before: core.vectors(from, d), after: core.vectors(to, d), turns: core.turns(from, to, d), name: (w) => data.tokens?.[Math.floor(w / shape[1])]?.[w % shape[1]] ?? String(w) };
}
