// SPDX-License-Identifier: Apache-2.0
// SVG, made of nodes, never of markup, so that no name in the data is read as such.

export const svgNamespace = 'http://www.w3.org/2000/svg';

export const node = (name, attributes, ...children) => {
  const element = document.createElementNS(svgNamespace, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, typeof value === 'number' ? Math.round(value * 100) / 100 : value);
  element.append(...children);
  return element;
};

export const range = (values) => {
  let low = Infinity, high = -Infinity;
  for (const v of values) [low, high] = [Math.min(low, v), Math.max(high, v)];
  return high > low ? [low, high] : [low - 1, high + 1];
};
