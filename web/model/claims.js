// SPDX-License-Identifier: Apache-2.0
// The article's sentences, each held against the data at hand: {key, verdict: holds | only | fails | none, values, show}.
// show: a state that lets the reader see it.
import { normsOf } from './norms.js';
import { compute } from './compute.js';
import { keptShare, meanOf, MOST_COMPARED } from './compare.js';

const percent = (v) => (Number.isNaN(v) ? '–' : (100 * v).toFixed(1));
const digits = (v, n = 2) => (Number.isFinite(v) ? v.toFixed(n).replace('-', '−') : '–');
const whole = (n) => n.toLocaleString('en');

function* orders(core, { x, y, ids }) {
  const within = core.countPairs(x, y, ids, null), ordered = within.kept + within.reversed;
  yield;
  const across = core.countPairs(x, y, ids.map((id) => (id < 0 ? -1 : 0)), ids), total = across.kept + across.reversed;
  return [
    { key: 'within', verdict: within.reversed === 0 ? 'holds' : 'only', values: { pairs: whole(ordered), kept: percent(keptShare(within)) }, show: { data: 'incomes', norm: 'world', names: ['China', 'India'] } },
    { key: 'across', verdict: total === 0 ? 'none' : across.reversed ? 'holds' : 'only', values: total ? { pairs: whole(total), reversed: whole(across.reversed), share: percent(across.reversed / total) } : null, show: { data: 'incomes', norm: 'region', names: ['China', 'India'] } },
  ];
}

function normal(core, result, lit) {
  const mine = result.plain.filter((_, i) => result.ids[i] === lit).sort();
  if (mine.length < 2) return [];
  const { skewness, kurtosis } = core.shapeOf(mine), half = mine.length >> 1, median = mine.length % 2 ? mine[half] : (mine[half - 1] + mine[half]) / 2;
  const near = Math.abs(skewness) < 0.1 && Math.abs(kurtosis) < 0.2 && Math.abs(median) < 0.05;
  return [{ key: 'normal', verdict: near ? 'only' : 'fails', values: { low: digits(mine[0]), high: digits(mine.at(-1)), median: digits(median), skew: digits(skewness), kurtosis: digits(kurtosis) }, show: { data: 'incomes', norm: 'world', names: ['China', 'India'], to: 'shape-card' } }];
}

/// What varying weights do to the order within LayerNorm's distribution.
function weights(core, state, data, edits) {
  if (data.by || data.shape.length < 3) return [];
  const varied = compute(core, { ...state, norm: 'sample', mode: 'train', vary: true, undo: false, weight: 1, bias: 0 }, data, edits, null);
  const share = keptShare(core.countPairs(varied.x, varied.y, varied.ids, null));
  return [{ key: 'weights', verdict: share === 1 ? 'only' : 'fails', values: { kept: percent(share) }, show: { data: 'images', norm: 'sample', vary: true, a: 3334, b: 5382, to: 'verdict' } }];
}

function words(core, state, data, edits, { x, shape }) {
  if (data.tokens === undefined && shape.length !== 3) return [];
  const made = (norm) => compute(core, { ...state, norm, mode: 'train', vary: false, undo: false, weight: 1, bias: 0 }, data, edits, null);
  const turned = (norm) => core.turns(x, made(norm).y, shape[2]).filter((v) => !Number.isNaN(v)), angles = turned('sample'), most = Math.max(...angles);
  return [
    { key: 'direction', verdict: most < 0.01 ? 'only' : 'fails', values: { mean: digits(meanOf(angles), 1), most: digits(most, 1), token: digits(meanOf(turned('token')), 1), rms: digits(Math.max(...turned('rms')), 4) }, show: { data: 'sentences', level: 'embedding', norm: 'sample', to: 'words-card' } },
    { key: 'sentence', verdict: 'only', values: { sentences: made('sample').batch.shape[0], words: made('token').moments.filter((m) => m.count > 0).length }, show: { data: 'sentences', norm: 'token', a: 1290, b: 1546 } },
  ];
}

function mates(core, state, data, edits) {
  if (!('batch' in normsOf(data)) || data.shape[0] < 2) return [];
  const half = data.shape[0] >> 1, out = Array.from({ length: data.shape[0] - half }, (_, k) => half + k).join('.'), base = { ...state, norm: 'batch', mode: 'train', vary: false, undo: false, weight: 1, bias: 0 };
  const all = compute(core, { ...base, out: '' }, data, edits, null), part = compute(core, { ...base, out }, data, edits, null), per = all.y.length / data.shape[0];
  const moved = core.distance(part.batch.y, all.y.subarray(0, half * per));
  return [
    { key: 'mates', verdict: moved > 0 ? 'holds' : 'only', values: { moved: digits(moved, 3), half, all: data.shape[0] }, show: { data: 'images', norm: 'batch', out: '2.3', to: 'mates' } },
    { key: 'eval', verdict: 'only', values: {}, show: { data: 'images', norm: 'batch', to: 'running-card' } },
  ];
}

/// lit: the number of the distribution that is marked. Yields where it may be stopped.
export function* checkClaims(core, state, data, result, lit, edits) {
  const small = data.x.length <= MOST_COMPARED, elsewhere = (key, show) => ({ key, verdict: 'none', values: null, show });
  const out = [...(small ? yield* orders(core, result) : []), ...normal(core, result, lit)], found = [];
  for (const claim of small ? [weights, words, mates] : []) {
    yield;
    found.push(...claim(core, state, data, edits, result));
  }
  for (const [key, show] of [['direction', { data: 'sentences', level: 'embedding', norm: 'sample', to: 'words-card' }], ['mates', { data: 'images', norm: 'batch', out: '2.3', to: 'mates' }]]) {
    if (!found.some((c) => c.key === key)) found.push(elsewhere(key, show));
  }
  return [...out, ...found, { key: 'objective', verdict: 'none', values: {} }];
}
