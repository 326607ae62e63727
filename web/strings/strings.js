// SPDX-License-Identifier: Apache-2.0
// All that the page says, in both languages: one table, kept in three files. {names} are filled in.
import { PAGE_TEXT } from './page.js';
import { STORY_TEXT } from './story.js';
import { NAME_TEXT } from './names.js';

const STRINGS = new Map([PAGE_TEXT, STORY_TEXT, NAME_TEXT].join('').split('\n').filter(Boolean).map((line) => {
  const [key, en, zh] = line.split(' | ');
  return [key, { en, zh }];
}));

/// The text of a key, filled in; what is no key stands for itself (names in somebody's data).
export const translate = (lang, key, values = {}) => (STRINGS.get(key)?.[lang] ?? key).replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
