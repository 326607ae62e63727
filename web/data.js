// SPDX-License-Identifier: Apache-2.0
// Where tensors come from: the samples, files, what is pasted. Each is {id, x, shape, axes, lengths, names…}.
import { Refusal } from './core.js';

const MOST = 1 << 21;  // elements; 8 MB

const bytesOf = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

export function incomes(samples) {
  const rows = [...samples.incomes].sort((a, b) => a[1].localeCompare(b[1]) || a[2].localeCompare(b[2]) || a[3] - b[3]);
  const keysBy = (column) => {
    const names = [...new Set(rows.map((r) => r[column]))];
    return { keys: rows.map((r) => names.indexOf(r[column])), names };
  };
  return {
    id: 'incomes', x: Float32Array.from(rows, (r) => r[3]), shape: [rows.length], axes: ['N'], names: rows.map((r) => r[0]), codes: rows.map((r) => r[4]),
    by: { region: keysBy(2), continent: keysBy(1), world: { keys: rows.map(() => 0), names: ['world'] } },
  };
}

export function photos(samples) {
  const u8 = bytesOf(samples.photos.u8), x = new Float32Array(u8.length);
  for (let n = 0; n < 4; ++n) for (let p = 0; p < 1024; ++p) for (let c = 0; c < 3; ++c) x[(n * 3 + c) * 1024 + p] = u8[(n * 1024 + p) * 3 + c];
  return { id: 'images', x, shape: [4, 3, 32, 32], axes: ['N', 'C', 'H', 'W'], channel: 1, samples: samples.photos.names, channels: ['R', 'G', 'B'] };
}

export function sentences(samples, level = 'layer2') {
  const parts = [0, 1].map((k) => samples.sentences.levels[`sentence${k}.${level}`]);
  const d = parts[0].shape[1], l = Math.max(...parts.map((p) => p.shape[0])), x = new Float32Array(2 * l * d);
  parts.forEach((p, k) => x.set(new Float32Array(bytesOf(p.f32).buffer), k * l * d));
  return { id: 'sentences', x, shape: [2, l, d], axes: ['N', 'L', 'D'], channel: 2, lengths: parts.map((p) => p.shape[0]),
    tokens: samples.sentences.tokens, at: samples.sentences.at, level };
}

const AXES = { 1: ['N'], 2: ['N', 'C'], 3: ['N', 'L', 'D'], 4: ['N', 'C', 'H', 'W'] };

function own(x, shape, name, more = {}) {
  if (x.length === 0) throw new Refusal(`[${name}] holds no elements; give it some`);
  if (x.length > MOST) throw new Refusal(`[${name}] has ${x.length} elements; the page takes up to ${MOST}, the command norma any number`);
  const bad = x.findIndex((v) => !Number.isFinite(v));
  if (bad >= 0) throw new Refusal(`[${name}] element ${bad} is ${x[bad]}; the page draws finite numbers`);
  if (!AXES[shape.length]) throw new Refusal(`[${name}] has ${shape.length} axes; give 1 to 4`);
  return { id: 'own', title: name, x, shape, axes: AXES[shape.length], channel: shape.length === 3 ? 2 : 1, ...more };
}

/// The .npy format, version 1 to 3: f4, f8, and integers of 1 to 4 bytes, little-endian, C order.
export function readNpy(bytes, name) {
  const refuse = (why) => { throw new Refusal(`[${name}] ${why}`); };
  if (bytes.length < 12 || String.fromCharCode(...bytes.subarray(1, 6)) !== 'NUMPY') refuse('does not begin as an .npy file does; save it with numpy.save');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), long = bytes[6] > 1;
  const size = long ? view.getUint32(8, true) : view.getUint16(8, true), start = (long ? 12 : 10) + size;
  if (start > bytes.length) refuse('ends inside its header; it was cut off');
  const header = new TextDecoder().decode(bytes.subarray(long ? 12 : 10, start));
  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1], list = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  const Type = { '<f4': Float32Array, '<f8': Float64Array, '|u1': Uint8Array, '|i1': Int8Array, '<i2': Int16Array, '<u2': Uint16Array, '<i4': Int32Array }[descr];
  if (!Type || list === undefined) refuse(`has dtype ${String(descr).slice(0, 20)}; the page reads f4, f8, u1, i1, u2, i2, i4, the command norma more`);
  if (/'fortran_order':\s*True/.test(header)) refuse('is in Fortran order; save numpy.ascontiguousarray(x)');
  const shape = list.split(',').map((s) => s.trim()).filter(Boolean).map(Number), count = shape.reduce((a, b) => a * b, 1);
  if (shape.some((s) => !Number.isInteger(s) || s < 0) || count > MOST) refuse(`has shape (${list.slice(0, 60)}); the page takes up to ${MOST} elements`);
  if (start + count * Type.BYTES_PER_ELEMENT > bytes.length) refuse(`needs ${count * Type.BYTES_PER_ELEMENT} bytes after its header and has ${bytes.length - start}; it was cut off`);
  return own(Float32Array.from(new Type(bytes.slice(start, start + count * Type.BYTES_PER_ELEMENT).buffer)), shape.length ? shape : [1], name);
}

/// Numbers in rows, with names in the first row and the first column where they are no numbers; or sentences.
export function readText(text, name) {
  const lines = text.split(/\r?\n/).filter((l) => l.trim());
  if (lines.length === 0) throw new Refusal(`[${name}] is empty; paste numbers or sentences`);
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
  if (at >= 0) throw new Refusal(`[${name}] row ${at + 1} is not ${width} numbers; give every row as many`);
  return own(Float32Array.from(rows.flat(), Number), [rows.length, width], name, { samples: names, channels });
}

/// Sentences have no vectors here, as the page carries no model. Each character becomes a vector made of its code point alone:
/// equal characters get equal vectors, and nothing is meant by them.
function spell(lines, name) {
  const d = 32, tokens = lines.slice(0, 16).map((l) => Array.from(l.trim()).slice(0, 64)), l = Math.max(...tokens.map((t) => t.length));
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
  const size = 48, x = new Float32Array(files.length * 3 * size * size);
  const canvas = new OffscreenCanvas(size, size), context = canvas.getContext('2d', { willReadFrequently: true });
  for (let n = 0; n < files.length; ++n) {
    let bitmap;
    try {
      bitmap = await createImageBitmap(files[n]);
    } catch {
      throw new Refusal(`[${files[n].name}] is no image that this browser can read; give PNG or JPEG`);
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
  if (files.some((f) => f.size > 64 << 20)) throw new Refusal(`[${first.name}] has ${first.size} bytes; the page takes files up to 64 MB`);
  if (files.every((f) => f.type.startsWith('image/'))) return readImages(files.slice(0, 16));
  const bytes = new Uint8Array(await first.arrayBuffer());
  return bytes[0] === 0x93 || /\.npy$/i.test(first.name) ? readNpy(bytes, first.name) : readText(new TextDecoder().decode(bytes), first.name);
}
