// SPDX-License-Identifier: Apache-2.0
// All norms on the same data: how much of the order each keeps, by kind of pair, and how far it turns vectors.
import { inputOf, batchOf } from './state.js';
import { groupingOf, normsOf } from './norms.js';

export const MOST_COMPARED = 1e6;  // elements; of more, one count of pairs takes so long that the page would be seen to stop

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

/// Yields [norms done, norms in all] after every count, so that whoever runs it can stop between: {kinds, rows}.
export function* compareNorms(core, state, data, edits) {
  const batch = batchOf(inputOf(state, data, edits), state, data), { x, shape } = batch, rank = shape.length, rows = [], norms = Object.keys(normsOf(data));
  function* share(...kind) {
    yield [rows.length, norms.length];
    return keptShare(core.countPairs(x, y, ...kind));
  }
  let y;
  for (const norm of norms) {
    const grouping = groupingOf(norm, state, data, batch), options = { eps: 10 ** state.eps, centered: norm !== 'rms' };
    const ids = core.assign(shape, grouping);
    ({ y } = core.normalize(x, shape, grouping, options));
    const row = { norm, distributions: core.distributions(shape, grouping), within: yield* share(ids, null), across: yield* share(ids.map((id) => (id < 0 ? -1 : 0)), ids), kinds: [] };
    if (rank === 4) row.kinds = [yield* share(idsAlong(shape, [1], ids), idsAlong(shape, [0], ids)), yield* share(idsAlong(shape, [0], ids), idsAlong(shape, [1], ids))];
    if (rank === 3) {
      row.kinds = [yield* share(idsAlong(shape, [0, 1], ids), null), yield* share(idsAlong(shape, [0], ids), idsAlong(shape, [0, 1], ids))];
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
