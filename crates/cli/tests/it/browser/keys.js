// Notes where the focus goes, and returns how many controls there are to go to.
const usable = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]';
const expected = [...document.querySelectorAll(usable)]
  .filter((element) => element.checkVisibility({ visibilityProperty: true }) && !element.disabled);
// A page is walked at more than one width.
if (window.stop_walking) window.stop_walking.abort();
window.stop_walking = new AbortController();
window.walked = [];
window.expected = expected;
const isCut = (element) => {
  for (let at = element; at; at = at.parentElement) {
    if (getComputedStyle(at).clipPath !== 'none') return true;
  }
  return false;
};
document.addEventListener('focusin', (event) => {
  const element = event.target;
  // Where the way begins is no step on it.
  if (element === document.body) return;
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  window.walked.push({
    element,
    ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
    top: box.top + scrollY,
    left: box.left + scrollX,
    bottom: box.bottom + scrollY,
    // The browser scrolls there next; what is cut off or lies outside the page stays out of sight.
    isSeen: box.width > 1 && box.height > 1 && box.top + scrollY >= 0 && box.left + scrollX >= 0 && !isCut(element),
  });
}, { signal: window.stop_walking.signal });
if (document.activeElement) document.activeElement.blur();
document.body.tabIndex = -1;
document.body.focus();
window.walked.length = 0;
return expected.length;
