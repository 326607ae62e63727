// SPDX-License-Identifier: Apache-2.0
// What is shown, as files and as the command that makes the same of them.
import { indexOf } from './state.js';
import { distributionName } from './norms.js';

const join = (parts) => {
  const bytes = new Uint8Array(parts.reduce((n, p) => n + p.byteLength, 0));
  let at = 0;
  for (const p of parts) bytes.set(new Uint8Array(p.buffer, p.byteOffset, p.byteLength), at), at += p.byteLength;
  return bytes;
};

/// The .npy format, version 1, of f32.
export function npyOf(values, shape) {
  let header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`;
  header += ' '.repeat(63 - (header.length + 10) % 64) + '\n';
  const start = new Uint8Array([0x93, ...new TextEncoder().encode('NUMPY'), 1, 0, header.length & 255, header.length >> 8]);
  return join([start, new TextEncoder().encode(header), values]);
}

/// Running statistics as BatchNorm's state has them, in the safetensors format.
export function stateOf({ mean, variance }, parameters, batches) {
  const tensors = { running_mean: ['F64', [mean.length], Float64Array.from(mean)], running_var: ['F64', [variance.length], Float64Array.from(variance)], num_batches_tracked: ['I64', [], BigInt64Array.of(BigInt(batches))] };
  if (parameters.weight) Object.assign(tensors, { weight: ['F32', [mean.length], parameters.weight], bias: ['F32', [mean.length], parameters.bias] });
  const header = {};
  let at = 0;
  for (const [name, [dtype, shape, values]] of Object.entries(tensors)) header[name] = { dtype, shape, data_offsets: [at, (at += values.byteLength)] };
  let text = JSON.stringify(header);
  text += ' '.repeat((8 - text.length % 8) % 8);
  return join([BigUint64Array.of(BigInt(text.length)), new TextEncoder().encode(text), ...Object.values(tensors).map(([, , values]) => values)]);
}

/// The files that the command reads, {name: bytes}, and the command itself.
export function reproduce(result, state, data, running, batches) {
  const { batch, options } = result, rank = batch.shape.length, norm = result.norm;
  if (data.by) return { files: { 'norma.csv': new TextEncoder().encode(csvOf(result, state, data, (s) => s)) }, command: `norma standardize norma.csv --value before${norm === 'world' ? '' : ' --by distribution'} -o scores.csv` };
  const files = { 'x.npy': npyOf(batch.x, batch.shape) }, axes = result.grouping.axes?.join(), words = [];
  const named = { batch: '--norm batch', sample: '--norm sample', instance: '--norm instance', group: `--norm group --groups ${state.groups}`, token: '--norm layer', rms: '--norm rms' }[norm];
  words.push('norma apply x.npy -o y.npy', named ?? `--axes ${axes}`);
  if (rank === 3) words.push('--layout NLD');
  if (rank === 4) words.push('--layout NCHW');
  if (rank === 3 && result.grouping.lengths) words.push(`--lengths ${result.grouping.lengths.join()}`);
  words.push(`--eps ${options.eps}`);
  if (result.evaluating) {
    files['bn.safetensors'] = stateOf(running, result, batches);
    words.push('--state bn.safetensors --eval');
  } else if (result.weight) {
    files['weight.npy'] = npyOf(result.weight, [result.weight.length]);
    files['bias.npy'] = npyOf(result.bias, [result.bias.length]);
    words.push('--weight weight.npy --bias bias.npy');
  }
  return { files, command: words.join(' ') };
}

/// A field of RFC 4180; what a spreadsheet would take for a formula gets an apostrophe in front.
const field = (value) => {
  const text = /^[=+@\t\r-]/.test(value) && Number.isNaN(Number(value)) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/// A row an element: its place, the name of its distribution, its value before and after.
export function csvOf(result, state, data, t) {
  const { x, y, ids } = result, axes = data.by ? ['name'] : data.axes, names = [], lines = [[...axes, 'distribution', 'before', 'after'].join()];
  for (let i = 0; i < x.length; ++i) {
    if (ids[i] < 0) continue;
    names[ids[i]] ??= distributionName(i, state, data, t);
    lines.push([...(data.by ? [data.names[i]] : indexOf(i, data.shape)), names[ids[i]], x[i], y[i]].map((v) => field(String(v))).join());
  }
  return lines.join('\n') + '\n';
}

export function jsonOf(result, state, data, hash, command) {
  const { moments, options, distributions, batch, grouping } = result;
  return JSON.stringify({ norm: result.norm, eps: options.eps, centered: options.centered, axes: data.axes, shape: batch.shape, lengths: grouping.lengths ?? null, samples: batch.members, command, sha256: hash, state, distributions,
    moments: moments.map(({ count, mean, meanLow, m2 }) => ({ count, mean: mean + meanLow, variance: m2 / count })), ids: Array.from(batch.ids), x: Array.from(batch.x), y: Array.from(batch.y) });
}
