// SPDX-License-Identifier: Apache-2.0
// The article's sentences, each held against the data at hand: {key, verdict: holds | only | fails | none, values}.
import { groupingOf, normsOf, indexOf } from './model.js';

const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

/// lit: the number of the distribution that is marked.
export function checkClaims(core, state, data, result, lit) {
  const { x, y, plain, ids, shape, options } = result, small = x.length <= 200000, out = [];
  const percent = (v) => (100 * v).toFixed(1);
  if (small) {
    const within = core.countPairs(x, y, ids, null), ordered = within.kept + within.reversed;
    out.push({ key: 'within', verdict: within.reversed === 0 ? 'holds' : 'only', values: { pairs: ordered, kept: ordered ? percent(within.kept / ordered) : '–' } });
    const all = ids.map((id) => (id < 0 ? -1 : 0)), across = core.countPairs(x, y, all, ids), total = across.kept + across.reversed;
    out.push(total ? { key: 'across', verdict: across.reversed ? 'holds' : 'only', values: { pairs: total, reversed: across.reversed, share: percent(across.reversed / total) } } : { key: 'across', verdict: 'none', values: {} });
  }
  const mine = Float32Array.from(plain.filter((_, i) => ids[i] === lit)).sort();
  if (mine.length) {
    const skew = mean(Array.from(mine, (v) => v ** 3)) / mean(Array.from(mine, (v) => v * v)) ** 1.5;
    const near = Math.abs(skew) < 0.1 && Math.abs(mine[0] + 3) < 0.3 && Math.abs(mine.at(-1) - 3) < 0.3;
    out.push({ key: 'normal', verdict: near ? 'only' : 'fails', values: { low: mine[0].toFixed(2), high: mine.at(-1).toFixed(2), median: mine[mine.length >> 1].toFixed(2), skew: skew.toFixed(2) } });
  }
  if (shape.length === 3) {
    const turned = (norm) => {
      const normalized = core.normalize(x, shape, groupingOf(norm, state, data, shape), { ...options, centered: norm !== 'rms' }).y;
      return core.turns(x, normalized, shape[2]).filter((v) => !Number.isNaN(v));
    };
    const angles = turned('sample'), rms = turned('rms');
    out.push({ key: 'direction', verdict: Math.max(...angles) < 0.01 ? 'only' : 'fails', values: { mean: mean(angles).toFixed(1), most: Math.max(...angles).toFixed(1), token: mean(turned('token')).toFixed(1), rms: Math.max(...rms).toFixed(4) } });
    out.push({ key: 'sentence', verdict: 'only', values: { sentences: shape[0], words: data.lengths?.reduce((a, b) => a + b, 0) ?? shape[0] * shape[1] } });
  }
  if ('batch' in normsOf(data) && shape[0] > 1 && small) {
    const half = shape[0] >> 1, per = x.length / shape[0], cut = [half, ...shape.slice(1)];
    const whole = core.normalize(x, shape, groupingOf('batch', state, data, shape), options).y;
    let part;
    try {
      part = core.normalize(x.slice(0, half * per), cut, groupingOf('batch', { ...state }, data, cut), options).y;
    } catch { /* a channel of one value cannot be trained on */ }
    const moved = part ? mean(Array.from(part, (v, i) => Math.abs(v - whole[i]))) : NaN;
    out.push({ key: 'mates', verdict: 'holds', values: { moved: Number.isNaN(moved) ? '–' : moved.toFixed(3), half, all: shape[0] } });
    out.push({ key: 'eval', verdict: 'only', values: {} });
  }
  out.push({ key: 'objective', verdict: 'none', values: {} });
  return out;
}

/// "(image 2, channel G, row 3, column 4)" in the reader's language.
export function placeOf(i, data, shape, t) {
  if (data.by) return t(data.names[i]);
  const index = indexOf(i, shape);
  if (data.tokens) return `${t('sentence')} ${index[0] + 1} · “${data.tokens[index[0]]?.[index[1]] ?? t('pad')}” · ${t('feature')} ${index[2]}`;
  if (shape.length === 4) return `${t(data.samples?.[index[0]] ?? String(index[0]))} · ${data.channels?.[index[1]] ?? index[1]} · (${index[2]}, ${index[3]})`;
  if (shape.length === 2) return `${data.samples?.[index[0]] ?? index[0]} · ${data.channels?.[index[1]] ?? index[1]}`;
  return `(${index.join(', ')})`;
}
