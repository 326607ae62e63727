// SPDX-License-Identifier: Apache-2.0
// The article's story in seven steps. Each sets the stage, asks, and knows an answer when it sees one.
import { indexOf } from './state.js';

const pinned = (s, r, n) => s.a >= 0 && s.b >= 0 && s.a !== s.b && s.a < n && s.b < n && r.ids[s.a] >= 0 && r.ids[s.b] >= 0;

export const STEPS = [
  { set: { data: 'incomes', norm: 'region', a: -1, b: -1, at: -1 },
    done: (s, r, d) => s.data === 'incomes' && s.norm === 'region' && pinned(s, r, d.x.length) && ['China', 'India'].every((name) => [s.a, s.b].some((i) => d.names[i] === name)) },
  { set: { data: 'incomes', norm: 'region', names: ['China', 'India'] },
    done: (s, r) => s.data === 'incomes' && pinned(s, r, r.x.length) && r.ids[s.a] === r.ids[s.b] },
  { set: { data: 'images', norm: 'batch', a: -1, b: -1, at: 0 },
    done: (s, r) => s.data === 'images' && s.norm === 'batch' && pinned(s, r, r.x.length) && r.ids[s.a] === r.ids[s.b] && indexOf(s.a, r.shape)[0] !== indexOf(s.b, r.shape)[0] },
  { set: { data: 'images', norm: 'batch', a: 3334, b: 5382, at: 3334 },
    done: (s, r) => s.data === 'images' && r.ids[0] === r.ids[1024] && r.ids[0] !== r.ids[3072] },
  { set: { data: 'images', norm: 'batch', a: 4000, b: -1, at: 4000, shift: 0 },
    done: (s, r) => s.data === 'images' && s.shift !== 0 && r.ids[0] >= 0 && r.ids[3072] >= 0 && r.ids[0] !== r.ids[3072] },
  { set: { data: 'sentences', norm: 'token', a: -1, b: -1, at: 5 * 256, shift: 0, level: 'layer2' },
    done: (s, r) => s.data === 'sentences' && pinned(s, r, r.x.length) && r.ids[s.a] === r.ids[s.b] && indexOf(s.a, r.shape)[1] !== indexOf(s.b, r.shape)[1] && indexOf(s.a, r.shape)[0] === indexOf(s.b, r.shape)[0] },
  { set: { data: 'sentences', norm: 'sample', level: 'embedding', a: -1, b: -1, at: 5 * 128 },
    done: (s) => s.data === 'sentences' && s.norm === 'rms' },
];
