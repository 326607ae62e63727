// SPDX-License-Identifier: Apache-2.0
// Runs a WebAssembly program as a command: node run.mjs PROGRAM.wasm [ARGUMENT…]
import { readFile } from 'node:fs/promises';
import { WASI } from 'node:wasi';

const wasi = new WASI({ version: 'preview1', args: process.argv.slice(2) });
const { instance } = await WebAssembly.instantiate(await readFile(process.argv[2]), { wasi_snapshot_preview1: wasi.wasiImport });
process.exitCode = wasi.start(instance);
