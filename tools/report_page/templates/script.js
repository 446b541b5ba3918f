'use strict';

// The text of the mark below the pointer, beside the pointer.
const tip = document.getElementById('tip');

function markAt(event) {
  const mark = event.target.closest('svg [role="graphics-symbol"][aria-label]');
  return mark && mark.getAttribute('aria-label');
}

document.addEventListener('pointermove', (event) => {
  const text = markAt(event);
  tip.hidden = !text;
  if (!text) return;
  tip.textContent = text;
  const left = Math.min(event.clientX + 12, window.innerWidth - tip.offsetWidth - 8);
  const below = event.clientY + 16;
  const fits = below + tip.offsetHeight < window.innerHeight;
  tip.style.left = `${Math.max(left, 8)}px`;
  tip.style.top = `${fits ? below : event.clientY - tip.offsetHeight - 8}px`;
});

// A net wider than its frame is shown from its input on, not from its left edge.
function middle(box) {
  return box.left + box.width / 2;
}

for (const frame of document.querySelectorAll('.graph .plot')) {
  const input = frame.querySelector('svg [role="graphics-symbol"][aria-label]');
  const off = input ? middle(input.getBoundingClientRect()) - middle(frame.getBoundingClientRect()) : 0;
  frame.scrollLeft += off;
}

// A click on a heading sorts the rows by its column, upward or downward; dashes come last.
function keyOf(row, column) {
  const cell = row.cells[column];
  if (!cell.classList.contains('number')) return cell.textContent;
  return cell.dataset.value === undefined ? null : Number(cell.dataset.value);
}

function compare(a, b) {
  return typeof a === 'string' ? a.localeCompare(b, 'en', { numeric: true }) : a - b;
}

function sortBy(heading) {
  const column = heading.cellIndex;
  const body = heading.closest('table').tBodies[0];
  const down = heading.getAttribute('aria-sort') === 'ascending';
  for (const other of heading.parentNode.cells) other.setAttribute('aria-sort', 'none');
  heading.setAttribute('aria-sort', down ? 'descending' : 'ascending');
  const keyed = Array.from(body.rows, (row) => [keyOf(row, column), row]);
  const known = keyed.filter(([key]) => key !== null);
  const unknown = keyed.filter(([key]) => key === null);
  known.sort(([a], [b]) => (down ? compare(b, a) : compare(a, b)));
  body.append(...[...known, ...unknown].map(([, row]) => row));
}

for (const button of document.querySelectorAll('thead button')) {
  button.addEventListener('click', () => sortBy(button.closest('th')));
}

// On paper, all that is folded is open.
window.addEventListener('beforeprint', () => {
  for (const folded of document.querySelectorAll('details')) folded.open = true;
});
