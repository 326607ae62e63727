// SPDX-License-Identifier: Apache-2.0
// Saving pictures and numbers, and the command that reproduces the view.
import { app, act, $, t, make, isDark } from './app.js';
import { reproduce, csvOf, jsonOf } from '../model/export.js';
import { hashOf } from '../model/core.js';
import { paletteOf } from '../draw/palette.js';
import { svgNamespace } from '../draw/svg.js';
import { statistics } from './running.js';

export const saved = [];  // the names of what was saved

function save(content, name, type = 'application/octet-stream') {
  const link = make('a', { href: URL.createObjectURL(new Blob([content], { type })), download: name });
  saved.push(name);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);  // a busy browser may begin to read it seconds later
}

const reproduced = () => reproduce(app.result, app.state, app.data, statistics(), app.history.length - 1);

/// A picture of the page as an SVG of its own: colours that style.css gives are written into it.
function alone(svg) {
  const copy = svg.cloneNode(true), palette = paletteOf(isDark()), [, , w, h] = svg.getAttribute('viewBox').split(' ').map(Number);
  for (const element of copy.querySelectorAll('text:not([fill])')) element.setAttribute('fill', palette.ink);
  copy.setAttribute('xmlns', svgNamespace);
  copy.setAttribute('font-family', 'sans-serif');
  return { copy, w, h };
}

/// The two blocks, the number line and the rank lines as one SVG; canvases are pixels inside it.
function stagePicture() {
  const { block } = app.layouts, wide = 2 * block.width + 40, palette = paletteOf(isDark()), svg = document.createElementNS(svgNamespace, 'svg');
  let height = 44;
  const add = (name, attributes, text) => {
    const element = document.createElementNS(svgNamespace, name);
    for (const [k, v] of Object.entries(attributes)) element.setAttribute(k, v);
    if (text) element.textContent = text;
    svg.append(element);
  };
  add('rect', { width: '100%', height: '100%', fill: `rgb(${palette.paper})` });
  add('text', { x: 10, y: 24, fill: palette.ink, 'font-size': 15 }, $('made').textContent);
  add('image', { x: 0, y: height, width: block.width, height: block.height, href: $('before').toDataURL() });
  add('image', { x: block.width + 40, y: height, width: block.width, height: block.height, href: $('after').toDataURL() });
  height += block.height + 12;
  const ruler = $('ruler'), tall = wide * ruler.height / ruler.width;
  add('image', { x: 0, y: height, width: wide, height: tall, href: ruler.toDataURL() });
  height += tall + 12;
  const ranks = $('ranks').querySelector('svg');
  if (ranks) {
    const { copy, w, h } = alone(ranks);
    for (const [k, v] of Object.entries({ y: height, width: wide, height: h * wide / w })) copy.setAttribute(k, v);
    svg.append(copy);
    height += h * wide / w;
  }
  for (const [k, v] of Object.entries({ xmlns: svgNamespace, viewBox: `0 0 ${wide} ${height}`, width: wide, height, 'font-family': 'sans-serif' })) svg.setAttribute(k, v);
  return new XMLSerializer().serializeToString(svg);
}

function savePng(markup, name) {
  const image = new Image();
  image.onload = () => {
    const canvas = make('canvas', { width: 2 * image.width, height: 2 * image.height });
    canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => save(blob, name, 'image/png'));
  };
  image.src = 'data:image/svg+xml;charset=utf-8,' + encodeURIComponent(markup);
}

const EXPORTS = {
  svg: () => save(stagePicture(), 'norma.svg', 'image/svg+xml'),
  png: () => savePng(stagePicture(), 'norma.png'),
  csv: () => save(csvOf(app.result, app.state, app.data, t), 'norma.csv', 'text/csv'),
  json: async () => save(jsonOf(app.result, app.state, app.data, await hashOf(app.result.batch.y), reproduced().command), 'norma.json', 'application/json'),
  files: () => Object.entries(reproduced().files).forEach(([name, bytes], k) => setTimeout(() => save(bytes, name), 250 * k)),  // one at a time: browsers drop what comes at once
};

const CHARTS = { ranks: 'ranks', shape: 'shape', running: 'running', turns: 'words.turns', ones: 'words.ones', 'cosines-before': 'words.cosines', 'cosines-after': 'words.cosines' };

export function drawCommand() {
  for (const button of document.querySelectorAll('[data-save]')) {
    const [name, kind] = button.dataset.save.split('.');
    button.setAttribute('aria-label', `${kind.toUpperCase()}: ${t(CHARTS[name])}`);
  }
  const { command, files } = reproduced();
  $('command').textContent = command;
  $('command-note').textContent = t(app.data.by ? 'command.table' : 'command.note', { files: Object.keys(files).join(', ') });
}

async function copyCommand() {
  const text = $('command').textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const range = document.createRange();
    range.selectNodeContents($('command'));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    if (!document.execCommand('copy')) return void ($('copied').textContent = t('command.select'));
  }
  $('copied').textContent = t('command.copied');
}

/// Two small buttons for below a chart, as any picture can be saved. find: gives the picture as it is then.
function savers(name, find) {
  const saver = (kind) => make('button', { type: 'button', class: 'link', 'data-key': `save.${name}.${kind}`, 'data-save': `${name}.${kind}`, onclick: () => {
    const svg = find();
    if (!svg) return;
    const { copy, w, h } = alone(svg), paper = document.createElementNS(svgNamespace, 'rect');
    for (const [k, v] of Object.entries({ width: w, height: h, fill: `rgb(${paletteOf(isDark()).paper})` })) paper.setAttribute(k, v);
    copy.prepend(paper);
    copy.setAttribute('width', w);
    copy.setAttribute('height', h);
    const markup = new XMLSerializer().serializeToString(copy);
    kind === 'svg' ? save(markup, `norma-${name}.svg`, 'image/svg+xml') : savePng(markup, `norma-${name}.png`);
  } }, kind.toUpperCase());
  return make('p', { class: 'savers' }, saver('svg'), saver('png'));
}

export function listenToSaving() {
  for (const button of document.querySelectorAll('[data-export]')) button.addEventListener('click', () => app.result && EXPORTS[button.dataset.export]());
  $('copy').addEventListener('click', copyCommand);
  for (const name of ['ranks', 'shape']) $(name).after(savers(name, () => $(name).querySelector('svg')));
  act.savers = (name, svg) => savers(name, () => svg);
}
