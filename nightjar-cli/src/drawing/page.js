'use strict';
const search = document.getElementById('search');
const found = document.getElementById('found');
const details = document.getElementById('details');
const list = document.getElementById('list');
const back = document.getElementById('back');
const canvas = document.getElementById('canvas');
const svg = canvas.querySelector('svg');
const cards = Array.from(svg.querySelectorAll('g.service'));
const entries = Array.from(list.querySelectorAll('button'));
const arrows = Array.from(svg.querySelectorAll('path.egress[data-from]'));
let chosen = null;

// The arrows of a service are those from its namespace to what it calls.
function light(card) {
  const entry = card && document.getElementById('entry-' + card.id);
  const calls = entry ? entry.dataset.calls.split(' ') : [];
  for (const arrow of arrows) {
    const isOwn = card !== null && arrow.dataset.from === card.dataset.namespace && calls.includes(arrow.dataset.to);
    arrow.classList.toggle('lit', isOwn);
    arrow.classList.toggle('unmatched', card !== null && calls[0] !== '' && !isOwn);
  }
}

function showList() {
  if (chosen) chosen.classList.remove('chosen');
  chosen = null;
  light(null);
  details.replaceChildren();
  list.hidden = false;
  back.hidden = true;
}

function choose(card, scroll) {
  if (chosen) chosen.classList.remove('chosen');
  chosen = card;
  card.classList.add('chosen');
  light(card);
  details.replaceChildren(document.getElementById('about-' + card.id).content.cloneNode(true));
  list.hidden = true;
  back.hidden = false;
  details.parentElement.scrollTop = 0;
  if (scroll) card.scrollIntoView({ block: 'center', inline: 'center' });
}

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const entry of entries) {
    const matches = words.every((word) => entry.dataset.find.includes(word));
    entry.parentElement.hidden = !matches;
    document.getElementById(entry.dataset.card).classList.toggle('unmatched', !matches);
    count += matches ? 1 : 0;
  }
  found.textContent = words.length ? count + ' of ' + entries.length : '';
  showList();
}

function zoom(factor) {
  const width = Number(svg.getAttribute('width'));
  const now = svg.getBoundingClientRect().width || width;
  const fit = Math.min(canvas.clientWidth / width, canvas.clientHeight / Number(svg.getAttribute('height')), 1);
  const next = factor === 'fit' ? width * fit : factor === 'start' ? width * Math.max(fit, 0.4) : factor === 1 ? width : now * factor;
  const middle = (canvas.scrollLeft + canvas.clientWidth / 2) / now;
  const center = (canvas.scrollTop + canvas.clientHeight / 2) / now;
  svg.style.width = next + 'px';
  svg.style.height = 'auto';
  canvas.scrollLeft = middle * next - canvas.clientWidth / 2;
  canvas.scrollTop = center * next - canvas.clientHeight / 2;
}

for (const card of cards) {
  card.addEventListener('click', () => choose(card, false));
  card.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      choose(card, false);
    }
  });
  card.addEventListener('mouseenter', () => light(card));
  card.addEventListener('mouseleave', () => light(chosen));
  card.addEventListener('focus', () => light(card));
}
for (const entry of entries) {
  entry.addEventListener('click', () => choose(document.getElementById(entry.dataset.card), true));
}
search.addEventListener('input', filter);
search.addEventListener('keydown', (event) => {
  const first = entries.find((entry) => !entry.parentElement.hidden);
  if (event.key === 'Enter' && first) choose(document.getElementById(first.dataset.card), true);
});
document.addEventListener('keydown', (event) => {
  if (event.key === '/' && document.activeElement !== search) {
    event.preventDefault();
    search.focus();
  } else if (event.key === 'Escape') {
    search.value = '';
    filter();
  }
});
back.addEventListener('click', showList);
for (const button of document.querySelectorAll('button[data-zoom]')) {
  const factor = Number(button.dataset.zoom);
  button.addEventListener('click', () => zoom(factor || 'fit'));
}
// A large picture begins small, at its first service.
zoom('start');
if (cards.length > 0) cards[0].scrollIntoView({ block: 'center', inline: 'center' });
