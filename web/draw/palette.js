// SPDX-License-Identifier: Apache-2.0
// The colours of the pictures, as style.css has those of the page.

const PALETTES = {
  light: { paper: [251, 250, 247], grey: [[240, 238, 233], [120, 124, 130]], lit: [[205, 227, 245], [6, 66, 120]], ink: '#1d2126', soft: '#5b636d', a: '#c2410c', b: '#6d28a8', litInk: '#0b63ad', line: '#dcdad3', hatch: 'rgba(255,255,255,.34)' },
  dark: { paper: [20, 23, 26], grey: [[36, 40, 45], [112, 118, 126]], lit: [[22, 56, 88], [158, 214, 255]], ink: '#e8e6e1', soft: '#a4abb3', a: '#ff9a62', b: '#cfa3ff', litInk: '#6db6f5', line: '#363c43', hatch: 'rgba(0,0,0,.3)' },
};
export const paletteOf = (dark) => PALETTES[dark ? 'dark' : 'light'];
export const TAU = 2 * Math.PI;

/// Makes a canvas as sharp as the screen, in units of the layout. keep: what was drawn stays, as all will be drawn over.
export function openCanvas(canvas, width, height, scale, keep = false) {
  const zoom = Math.min(3, window.devicePixelRatio || 1) * scale, [wide, tall] = [Math.round(width * zoom), Math.round(height * zoom)];
  if (canvas.width !== wide || canvas.height !== tall) {
    [canvas.width, canvas.height] = [wide, tall];
    canvas.style.height = `${height * scale}px`;
  }
  const g = canvas.getContext('2d');
  g.setTransform(zoom, 0, 0, zoom, 0, 0);
  if (!keep) g.clearRect(0, 0, width, height);
  g.textBaseline = 'middle';
  return g;
}
let family = '';
export const fontOf = (size, weight = 400) => `${weight} ${size}px ${(family ||= getComputedStyle(document.body).fontFamily)}`;
