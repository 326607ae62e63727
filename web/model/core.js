// SPDX-License-Identifier: Apache-2.0
// The C++ core, as functions over arrays. Nothing else in the page computes a statistic.

const KINDS = { over: 0, batch: 1, sample: 2, instance: 3, group: 4, labels: 5 };
const REQUEST_BYTES = 168;

/// What is refused: the core's own sentence, or a key of the table of strings with what fills it in.
export class Refusal extends Error {
  constructor(key, values = {}) {
    super(key);
    this.values = values;
  }
}

/// Makes the core from the bytes of core.wasm. Arrays go in and come out by copying; memory is released after each call.
export async function loadCore(bytes) {
  const text = (address) => {
    const memory = new Uint8Array(core.memory.buffer);
    return new TextDecoder().decode(memory.subarray(address, memory.indexOf(0, address)));
  };
  // Of the system the core asks for nothing that a page could give; what is imported anyway answers "not here".
  const module = await WebAssembly.compile(bytes);
  const absent = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) if (from !== 'norma') absent[name] = () => 52;
  const instance = await WebAssembly.instantiate(module, {
    norma: { refuse: (sentence) => { throw new Refusal(text(sentence)); } },
    wasi_snapshot_preview1: absent,
  });
  const core = instance.exports;
  core._initialize();

  /// Runs body with an allocator whose memory is released at the end, and sets the stack back when the core refused.
  const call = (body) => {
    const held = [], stack = core.__stack_pointer.value;
    const take = (size) => {
      const address = core.norma_web_allocate(size);
      if (!address) throw new Refusal('refuse.memory');
      held.push(address);
      return address;
    };
    const put = (array) => {
      const address = take(array.byteLength);
      new Uint8Array(core.memory.buffer, address, array.byteLength).set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
      return address;
    };
    try {
      return body(take, put);
    } finally {
      core.__stack_pointer.value = stack;
      for (const address of held) core.norma_web_release(address);
    }
  };
  const read = (Type, address, count) => new Type(core.memory.buffer.slice(address, address + count * Type.BYTES_PER_ELEMENT));
  /// Whole numbers as int64: low word, then the sign. (BigInts would take most of a frame.)
  const int64 = (values) => {
    const words = new Int32Array(2 * values.length);
    for (let i = 0; i < values.length; ++i) {
      words[2 * i] = values[i];
      words[2 * i + 1] = values[i] >> 31;
    }
    return words;
  };

  /// grouping: {kind, axis, number, axes, keys, lengths, lengthsAxis, parameterAxes}; options: {eps, centered, weight, bias}.
  const request = (put, shape, grouping, options = {}) => {
    const buffer = new ArrayBuffer(REQUEST_BYTES), r = new Int32Array(buffer, 0, 40), { weight, bias } = options;
    if (shape.length > 8) throw new Refusal('refuse.axes', { name: 'shape', axes: shape.length });
    r[0] = shape.length;
    r.set(shape, 1);
    r[9] = KINDS[grouping.kind];
    r[10] = grouping.axis ?? 0;
    r[11] = grouping.number ?? 0;
    r[12] = grouping.axes?.length ?? 0;
    r.set(grouping.axes ?? [], 13);
    if (grouping.keys) [r[21], r[22]] = [put(int64(grouping.keys)), grouping.keys.length];
    if (grouping.lengths) [r[23], r[24]] = [put(int64(grouping.lengths)), grouping.lengths.length];
    r[25] = grouping.lengthsAxis ?? 1;
    r[26] = options.centered === false ? 0 : 1;
    r[27] = grouping.parameterAxes?.length ?? 0;
    r.set(grouping.parameterAxes ?? [], 28);
    if (weight) [r[36], r[37]] = [put(weight), weight.length];
    if (bias) [r[38], r[39]] = [put(bias), bias.length];
    new Float64Array(buffer, 160)[0] = options.eps ?? 1e-5;
    return put(new Uint8Array(buffer));
  };

  /// Each distribution's {count, mean, meanLow, m2}, as the core lays them out.
  const readMoments = (address, count) => {
    const view = new DataView(core.memory.buffer, address);
    return Array.from({ length: count }, (_, k) => ({
      count: Number(view.getBigInt64(32 * k, true)), mean: view.getFloat64(32 * k + 8, true),
      meanLow: view.getFloat64(32 * k + 16, true), m2: view.getFloat64(32 * k + 24, true),
    }));
  };
  const putMoments = (take, moments) => {
    const address = take(32 * moments.length), view = new DataView(core.memory.buffer, address);
    moments.forEach((m, k) => {
      view.setBigInt64(32 * k, BigInt(m.count), true);
      view.setFloat64(32 * k + 8, m.mean, true);
      view.setFloat64(32 * k + 16, m.meanLow ?? 0, true);
      view.setFloat64(32 * k + 24, m.m2, true);
    });
    return address;
  };

  return {
    target: () => text(core.norma_web_target()),
    distributions: (shape, grouping) => call((_, put) => core.norma_web_distributions(request(put, shape, grouping))),
    parameters: (shape, grouping) => call((_, put) => core.norma_web_parameters(request(put, shape, grouping))),

    /// For each element the number of its distribution, -1 for none.
    assign: (shape, grouping) => call((take, put) => {
      const n = shape.reduce((a, b) => a * b, 1), r = request(put, shape, grouping), ids = take(8 * n);
      core.norma_web_assign(r, ids);
      const words = new Int32Array(core.memory.buffer, ids, 2 * n), numbers = new Int32Array(n);
      for (let i = 0; i < n; ++i) numbers[i] = words[2 * i];
      return numbers;
    }),

    normalize: (x, shape, grouping, options) => call((take, put) => {
      const r = request(put, shape, grouping, options), count = core.norma_web_distributions(r);
      const from = put(x), to = take(4 * x.length), saved = take(32 * count);
      core.norma_web_normalize(r, from, to, saved);
      return { y: read(Float32Array, to, x.length), moments: readMoments(saved, count) };
    }),

    normalizeWith: (x, shape, grouping, moments, options) => call((take, put) => {
      const r = request(put, shape, grouping, options), given = putMoments(take, moments), from = put(x), to = take(4 * x.length);
      core.norma_web_normalize_with(r, from, to, given);
      return read(Float32Array, to, x.length);
    }),

    /// Pairs with the same number in `same` and different ones in `different` (Int32Array or null): {kept, reversed, ties}.
    countPairs: (x, y, same, different) => call((take, put) => {
      const counts = take(40), from = put(x), to = put(y), a = same ? put(int64(same)) : 0, b = different ? put(int64(different)) : 0;
      core.norma_web_count_pairs(x.length, from, to, a, b, counts);
      const [kept, reversed, before, after, both] = Array.from(read(BigUint64Array, counts, 5), Number);
      return { kept, reversed, ties: before + after + both };
    }),

    /// Degrees by which each vector of d numbers turned; NaN where it has no direction.
    turns: (x, y, d) => call((take, put) => {
      const count = x.length / d, out = take(8 * count), from = put(x), to = put(y);
      core.norma_web_turns(count, d, from, to, out);
      return read(Float64Array, out, count);
    }),

    /// {deviation, skewness, kurtosis} of numbers; of a normal distribution the last two are 0.
    shapeOf: (x) => call((take, put) => {
      const out = take(24), from = put(x);
      core.norma_web_shape(x.length, from, out);
      const [deviation, skewness, kurtosis] = read(Float64Array, out, 3);
      return { deviation, skewness, kurtosis };
    }),

    /// The mean of |x - y|.
    distance: (x, y) => call((_, put) => core.norma_web_distance(x.length, put(x), put(y))),

    /// Of vectors of d numbers: parts[2v] along (1, …, 1) and parts[2v + 1] off it; cosines of each with each.
    vectors: (x, d) => call((take, put) => {
      const count = x.length / d, parts = take(16 * count), cosines = take(8 * count * count);
      core.norma_web_vectors(count, d, put(x), parts, cosines);
      return { count, parts: read(Float64Array, parts, 2 * count), cosines: read(Float64Array, cosines, count * count) };
    }),

    /// Paints a picture of cells, `cols` a row, order: the element of each, and enlarges it: rowsOf and colsOf say which row and column of
    /// cells each pixel shows. paint() returns RGBA bytes in the core's own memory, good until the next call. tone: as toneBetween() makes
    /// it; levels: of each element; table: colours by level and tone.
    painter: ({ order, cols }, rowsOf, colsOf) => {
      const held = new Map(), keep = (name, array) => {
        if (held.get(name)?.size !== array.byteLength) {
          if (held.has(name)) core.norma_web_release(held.get(name).address);
          held.set(name, { address: core.norma_web_allocate(array.byteLength), size: array.byteLength });
        }
        const { address } = held.get(name);
        if (!address) throw new Refusal('refuse.memory');
        new Uint8Array(core.memory.buffer, address, array.byteLength).set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
        return address;
      };
      const wide = colsOf.length, tall = rowsOf.length, cells = keep('order', order), pixels = keep('pixels', new Uint32Array(order.length)), out = keep('out', new Uint32Array(wide * tall)), y = keep('rows', rowsOf), x = keep('cols', colsOf);
      return {
        paint: ({ from, a, to, b, f }, levels, table, invert) => {
          const values = keep('a', a), goal = b ? keep('b', b) : 0;
          core.norma_web_paint(order.length, cells, keep('levels', levels), keep('table', table), values, from.shift, from.scale, goal, to?.shift ?? 0, to?.scale ?? 0, f ?? 0, invert ? 1 : 0, pixels);
          core.norma_web_enlarge(pixels, cols, y, tall, x, wide, out);
          return new Uint8ClampedArray(core.memory.buffer, out, 4 * wide * tall);
        },
        destroy: () => held.forEach(({ address }) => core.norma_web_release(address)),
      };
    },

    /// A BatchNorm that keeps running statistics.
    batchNorm: (channels, axis, momentum, eps) => {
      const layer = call(() => core.norma_web_batch_norm(channels, axis, momentum, eps));
      const forward = (x, shape, train) => call((take, put) => {
        const to = take(4 * x.length), from = put(x);
        core.norma_web_batch_norm_forward(layer, request(put, shape, { kind: 'batch', axis }), from, to, train ? 1 : 0);
        return read(Float32Array, to, x.length);
      });
      return {
        train: (x, shape) => forward(x, shape, true),
        infer: (x, shape) => forward(x, shape, false),
        mean: () => read(Float64Array, core.norma_web_batch_norm_mean(layer), channels),
        variance: () => read(Float64Array, core.norma_web_batch_norm_var(layer), channels),
        destroy: () => core.norma_web_batch_norm_destroy(layer),
      };
    },
  };
}

/// SHA-256 of an array's bytes, in hexadecimal; what `tail -c … | sha256sum` says of the same numbers in a file.
export async function hashOf(array) {
  const digest = await crypto.subtle.digest('SHA-256', new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
