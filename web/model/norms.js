// SPDX-License-Identifier: Apache-2.0
// The norms that a tensor can have: which axes each measures together, and what it is called.
import { indexOf } from './state.js';

/// name → the axes that are measured together (null where it is no choice of axes).
export function normsOf(data) {
  const rank = data.shape.length;
  if (data.by) return { region: null, continent: null, world: null };
  if (rank === 1) return { world: [0] };
  if (rank === 2) return { batch: [0], token: [1], rms: [1] };
  if (rank === 3) return { batch: [0, 1], sample: [1, 2], token: [2], instance: [1], rms: [2] };
  return { batch: [0, 2, 3], sample: [1, 2, 3], group: null, instance: [2, 3], position: [1], rms: [1, 2, 3] };
}
const axesOf = (norm, data) => (norm.startsWith('axes') ? [...norm.slice(4)].map(Number).filter((k) => k < data.shape.length) : normsOf(data)[norm]);
export const pooled = (state, data) => (data.by ? [] : state.norm === 'group' ? [2, 3] : axesOf(state.norm, data) ?? []);
/// The name of a choice of axes: a norm's, or "axes012".
export const nameOf = (axes, data) => Object.entries(normsOf(data)).find(([, a]) => a?.join() === axes.join())?.[0] ?? 'axes' + axes.join('');

/// How many groups GroupNorm can make of the channels: 1 is LayerNorm, all is InstanceNorm.
export const groupsOf = (data) => (data.shape.length === 4 ? Array.from({ length: data.shape[1] }, (_, k) => k + 1).filter((g) => data.shape[1] % g === 0) : []);

/// As the core wants it. shape and lengths: of the batch.
export function groupingOf(norm, state, data, { shape, lengths }) {
  if (data.by) return { kind: 'labels', axis: 0, keys: data.by[norm].keys };
  const narrowing = lengths && !state.pads ? { lengths, lengthsAxis: 1 } : {};
  if (norm === 'group') return { kind: 'group', axis: 1, number: state.groups };
  const channel = norm === 'batch' || norm === 'instance' ? { parameterAxes: [data.channel] } : {};
  return { kind: 'over', axes: axesOf(norm, data), ...channel, ...narrowing };
}

const NAMES = { N: 'sample', L: 'word', C: 'channel', D: 'feature', H: 'row', W: 'column' };

/// Names of the samples are translated; the reader's own stay as they are.
const named = (name, data, t) => (data.id === 'own' ? String(name) : t(name));

/// The name of what stands at a place along one axis.
export function nameAlong(axis, data, index, t) {
  const k = index[axis], letter = data.axes[axis];
  if (letter === 'N') return data.tokens ? `${t('sentence')} ${k + 1}` : data.samples?.[k] !== undefined ? named(data.samples[k], data, t) : `${t('sample')} ${k}`;
  if (letter === 'L') return data.tokens ? `“${data.tokens[index[0]]?.[k] ?? t('pad')}”` : `${t('word')} ${k}`;
  if ((letter === 'C' || letter === 'D') && data.channels?.[k] !== undefined) return named(data.channels[k], data, t);
  return `${t(NAMES[letter])} ${k}`;
}

/// What the distribution of element i is called: the names along the axes that are not measured together.
export function distributionName(i, state, data, t) {
  if (data.by) return t(data.by[state.norm].names[data.by[state.norm].keys[i]]);
  const index = indexOf(i, data.shape), together = pooled(state, data);
  if (state.norm === 'group') {
    const size = data.shape[1] / state.groups, first = Math.floor(index[1] / size) * size, name = (c) => named(data.channels?.[c] ?? String(c), data, t);
    return `${nameAlong(0, data, index, t)} · ${name(first)}${size > 1 ? ` … ${name(first + size - 1)}` : ''}`;
  }
  const parts = data.axes.flatMap((_, axis) => (together.includes(axis) ? [] : [nameAlong(axis, data, index, t)]));
  return parts.length ? parts.join(' · ') : t('all');
}

/// "cat · R · (3, 4)" in the reader's language.
export function placeOf(i, data, t) {
  if (data.by) return t(data.names[i]);
  const { shape } = data, index = indexOf(i, shape);
  if (data.tokens) return `${t('sentence')} ${index[0] + 1} · ${nameAlong(1, data, index, t)} · ${t('feature')} ${index[2]}`;
  if (shape.length === 4) return `${nameAlong(0, data, index, t)} · ${nameAlong(1, data, index, t)} · (${index[2]}, ${index[3]})`;
  if (shape.length === 2) return `${data.samples?.[index[0]] ?? index[0]} · ${data.channels?.[index[1]] ?? index[1]}`;
  return `(${index.join(', ')})`;
}
