// SPDX-License-Identifier: Apache-2.0
// The reader's own data: files and what is pasted. What cannot be read is refused in one sentence.
import { Refusal } from './core.js';

const MOST = 1 << 21;  // elements; 8 MB

const AXES = { 1: ['N'], 2: ['N', 'C'], 3: ['N', 'L', 'D'], 4: ['N', 'C', 'H', 'W'] };

/// A tensor of the reader's own; its axes have the names that such a rank usually has.
export function own(x, shape, name, more = {}) {
  if (x.length === 0) throw new Refusal('refuse.none', { name });
  if (x.length > MOST) throw new Refusal('refuse.many', { name, count: x.length, most: MOST });
  const bad = x.findIndex((v) => !Number.isFinite(v));
  if (bad >= 0) throw new Refusal('refuse.finite', { name, at: bad, value: String(x[bad]) });
  if (!AXES[shape.length]) throw new Refusal('refuse.rank', { name, axes: shape.length });
  return { id: 'own', title: name, x, shape, axes: AXES[shape.length], channel: shape.length === 3 ? 2 : 1, ...more };
}

/// The .npy format, version 1 to 3: f4, f8, and integers of 1 to 4 bytes, little-endian, C order.
export function readNpy(bytes, name) {
  const refuse = (why, more) => { throw new Refusal(`refuse.${why}`, { name, ...more }); };
  if (bytes.length < 12 || String.fromCharCode(...bytes.subarray(1, 6)) !== 'NUMPY') refuse('npy');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), long = bytes[6] > 1;
  const size = long ? view.getUint32(8, true) : view.getUint16(8, true), start = (long ? 12 : 10) + size;
  if (start > bytes.length) refuse('header');
  const header = new TextDecoder().decode(bytes.subarray(long ? 12 : 10, start));
  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1], list = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  const Type = { '<f4': Float32Array, '<f8': Float64Array, '|u1': Uint8Array, '|i1': Int8Array, '<i2': Int16Array, '<u2': Uint16Array, '<i4': Int32Array }[descr];
  if (!Type || list === undefined) refuse('dtype', { dtype: String(descr).slice(0, 20) });
  if (/'fortran_order':\s*True/.test(header)) refuse('fortran');
  const shape = list.split(',').map((s) => s.trim()).filter(Boolean).map(Number), count = shape.reduce((a, b) => a * b, 1);
  if (shape.some((s) => !Number.isInteger(s) || s < 0) || count > MOST) refuse('many', { count: count, most: MOST });
  if (start + count * Type.BYTES_PER_ELEMENT > bytes.length) refuse('cut', { needs: count * Type.BYTES_PER_ELEMENT, has: bytes.length - start });
  return own(Float32Array.from(new Type(bytes.slice(start, start + count * Type.BYTES_PER_ELEMENT).buffer)), shape.length ? shape : [1], name);
}

/// Numbers in rows, with names in the first row and the first column where they are no numbers; or sentences.
export function readText(text, name) {
  const lines = text.split(/\r?\n/).filter((l) => l.trim());
  if (lines.length === 0) throw new Refusal('refuse.empty', { name });
  const number = (s) => s.trim() !== '' && Number.isFinite(Number(s));
  let rows = lines.map((l) => l.split(/[,;\t]/));
  if (!rows.some((r) => r.filter(number).length * 2 >= r.length)) return spell(lines, name);
  let channels, names;
  if (!rows[0].some(number) && rows.length > 1) channels = rows.shift();
  if (rows.every((r) => !number(r[0])) && rows[0].length > 1) {
    names = rows.map((r) => r[0]);
    rows = rows.map((r) => r.slice(1));
    channels = channels?.slice(1);
  }
  const width = rows[0].length, at = rows.findIndex((r) => r.length !== width || !r.every(number));
  if (at >= 0) throw new Refusal('refuse.row', { name, row: at + 1, width });
  return own(Float32Array.from(rows.flat(), Number), [rows.length, width], name, { samples: names, channels });
}

/// Sentences have no vectors here, as the page carries no model. Each character becomes a vector made of its code point alone:
/// equal characters get equal vectors, and nothing is meant by them.
function spell(lines, name) {
  const d = 32, tokens = lines.map((l) => Array.from(l.trim())), l = Math.max(...tokens.map((t) => t.length));
  if (tokens.length > 16 || l > 64) throw new Refusal('refuse.sentences', { name, count: tokens.length, longest: l });
  const x = new Float32Array(tokens.length * l * d);
  tokens.forEach((row, n) => row.forEach((c, i) => {
    let seed = c.codePointAt(0) * 2654435761 >>> 0;
    for (let k = 0; k < d; ++k) {
      seed = (Math.imul(seed ^ (seed >>> 15), 2246822519) + 0x9e3779b9) >>> 0;
      x[(n * l + i) * d + k] = seed / 2 ** 31 - 1 + (c.codePointAt(0) % 7) / 7;
    }
  }));
  return own(x, [tokens.length, l, d], name, { tokens, lengths: tokens.map((t) => t.length), spelled: true });
}

async function readImages(files) {
  if (files.length > 16) throw new Refusal('refuse.images', { name: files[0].name, count: files.length });
  const size = 48, x = new Float32Array(files.length * 3 * size * size);
  const canvas = new OffscreenCanvas(size, size), context = canvas.getContext('2d', { willReadFrequently: true });
  for (let n = 0; n < files.length; ++n) {
    let bitmap;
    try {
      bitmap = await createImageBitmap(files[n]);
    } catch {
      throw new Refusal('refuse.image', { name: files[n].name });
    }
    const side = Math.min(bitmap.width, bitmap.height);
    context.drawImage(bitmap, (bitmap.width - side) / 2, (bitmap.height - side) / 2, side, side, 0, 0, size, size);
    const { data } = context.getImageData(0, 0, size, size);
    for (let p = 0; p < size * size; ++p) for (let c = 0; c < 3; ++c) x[(n * 3 + c) * size * size + p] = data[4 * p + c];
  }
  return own(x, [files.length, 3, size, size], files[0].name, { samples: files.map((f) => f.name), channels: ['R', 'G', 'B'] });
}

export async function readFiles(files) {
  const first = files[0];
  if (files.some((f) => f.size > 64 << 20)) throw new Refusal('refuse.bytes', { name: first.name, size: first.size });
  if (files.every((f) => f.type.startsWith('image/'))) return readImages(files);
  const bytes = new Uint8Array(await first.arrayBuffer());
  return bytes[0] === 0x93 || /\.npy$/i.test(first.name) ? readNpy(bytes, first.name) : readText(new TextDecoder().decode(bytes), first.name);
}
