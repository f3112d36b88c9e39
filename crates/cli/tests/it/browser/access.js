// What is wrong with the page that is shown, for people who do not see it as it looks or do not use a mouse.
// Each complaint names its element. The rules are those of WCAG 2.2 AA that a program can judge.
const complaints = [];
const say = (what, element) => {
  const short = element ? ` at ${element.outerHTML.replace(/\s+/g, ' ').slice(0, 140)}` : '';
  complaints.push(what + short);
};
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const shown = (element) => element.checkVisibility({ visibilityProperty: true });
const words = (element) => (element ? element.textContent.replace(/\s+/g, ' ').trim() : '');

// The name that assistive technology reads out.
const named = (element) => {
  const by = (element.getAttribute('aria-labelledby') || '').split(/\s+/).filter(Boolean);
  const labels = element.labels ? [...element.labels] : [];
  const inside = all('img[alt], svg[aria-label]', element)
    .map((image) => image.getAttribute('alt') || image.getAttribute('aria-label'));
  const isField = /^(INPUT|SELECT|TEXTAREA)$/.test(element.tagName);
  return [
    element.getAttribute('aria-label'),
    ...by.map((id) => words(document.getElementById(id))),
    ...labels.map(words),
    isField ? '' : words(element),
    ...inside,
  ].some((name) => name && name.trim());
};

// Structure.
if (!document.documentElement.lang) say('no language');
if (!document.title.trim()) say('no title');
if (all('h1').length !== 1) say(`${all('h1').length} first headings`);
let level = 0;
for (const heading of all('h1, h2, h3, h4, h5, h6').filter(shown)) {
  const next = Number(heading.tagName[1]);
  if (next > level + 1) say(`a heading skips from ${level} to ${next}`, heading);
  if (!words(heading)) say('an empty heading', heading);
  level = next;
}
const ids = new Set();
for (const element of all('[id]')) {
  if (ids.has(element.id)) say('an id that is there already', element);
  ids.add(element.id);
}
for (const attribute of ['for', 'aria-labelledby', 'aria-describedby', 'aria-controls', 'popovertarget']) {
  for (const element of all(`[${attribute}]`)) {
    for (const id of element.getAttribute(attribute).split(/\s+/)) {
      if (!ids.has(id)) say(`${attribute} leads nowhere`, element);
    }
  }
}

// Landmarks: everything is in one, and those of a kind have names that differ.
if (all('main').length !== 1) say('not one main part');
if (all('body > header').length !== 1) say('not one header');
for (const child of document.body.children) {
  if (!child.matches('.skip, header, main, footer, aside, nav')) say('outside every landmark', child);
}
const landmarks = new Set();
for (const landmark of all('nav, aside, [role=search]')) {
  const name = landmark.getAttribute('aria-label') || landmark.getAttribute('aria-labelledby') || '';
  const key = `${landmark.tagName} ${name}`;
  if (!name && landmark.matches('nav')) say('a navigation without a name', landmark);
  if (landmarks.has(key)) say('a landmark of the same kind and name is there already', landmark);
  landmarks.add(key);
}
for (const section of all('section')) {
  if (!section.getAttribute('aria-label') && !section.getAttribute('aria-labelledby')) say('a section without a name', section);
}

// Tables, images, fields.
for (const table of all('table')) {
  if (!words(table.querySelector(':scope > caption'))) say('a table without a caption', table);
  if (!table.querySelector('th')) say('a table without headings', table);
}
for (const cell of all('th')) {
  if (!cell.getAttribute('scope')) say('a heading cell without a scope', cell);
  if (!words(cell)) say('an empty heading cell', cell);
}
for (const image of all('img')) if (!image.hasAttribute('alt')) say('an image without words', image);
for (const image of all('svg')) {
  const isHidden = image.closest('[aria-hidden=true]');
  const says = image.getAttribute('aria-label') || image.getAttribute('aria-labelledby') || image.querySelector('title');
  if (!isHidden && !says) say('a drawing without words', image);
}
for (const list of all('ul, ol')) {
  if ([...list.children].some((child) => child.tagName !== 'LI')) say('a list of something else', list);
}

// What can be used: it has a name, holds nothing else that can be used, and is large enough for a finger.
const usable = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]';
for (const element of all(usable)) {
  if (!named(element)) say('no name', element);
  if (element.matches('a, button, summary') && element.querySelector(usable)) say('a control in a control', element);
  if (element.tabIndex > 0) say('an order of its own', element);
  if (!shown(element) || element.matches('.skip')) continue;
  const box = element.getBoundingClientRect();
  const isText = element.matches('a') && getComputedStyle(element).display === 'inline';
  const isMark = element.matches('[type=checkbox], [type=radio]');
  if (!isText && !isMark && (box.height < 24 || box.width < 24)) {
    say(`${Math.round(box.width)} by ${Math.round(box.height)} is small`, element);
  }
}

// Contrast: the text on what is behind it, as the browser has computed both.
const read = (text) => {
  const parts = text.match(/[\d.]+/g).map(Number);
  // `color(srgb …)` counts to one, `rgb(…)` to 255.
  const whole = text.startsWith('color') ? 255 : 1;
  return [parts[0] * whole, parts[1] * whole, parts[2] * whole, parts[3] === undefined ? 1 : parts[3]];
};
const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
const behind = (element) => {
  const layers = [];
  for (let at = element; at; at = at.parentElement) {
    const colour = read(getComputedStyle(at).backgroundColor);
    layers.push(colour);
    if (colour[3] === 1) break;
  }
  return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
};
const light = (colour) => {
  const [r, g, b] = colour.slice(0, 3).map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (element, pseudo) => {
  const style = getComputedStyle(element, pseudo);
  const ground = behind(element);
  const text = over(read(style.color), ground);
  const [high, low] = [light(text), light(ground)].sort((a, b) => b - a);
  const size = parseFloat(style.fontSize);
  const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  const ratio = (high + 0.05) / (low + 0.05);
  if (ratio < (isLarge ? 3 : 4.5)) say(`contrast ${ratio.toFixed(2)}`, element);
};
let checked = 0;
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const seen = new Set();
while (texts.nextNode()) {
  const element = texts.currentNode.parentElement;
  if (!texts.currentNode.data.trim() || seen.has(element) || !shown(element)) continue;
  seen.add(element);
  if (element.closest('svg')) continue;
  contrast(element, null);
  checked += 1;
}
for (const field of all('input[placeholder], textarea[placeholder]').filter(shown)) {
  if (!field.value) contrast(field, '::placeholder');
}
if (checked < 5) say(`only ${checked} texts were looked at`);
return complaints;
