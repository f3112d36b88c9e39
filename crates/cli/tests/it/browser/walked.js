// What was wrong on the way through the controls.
const complaints = [];
const short = (element) => element.outerHTML.replace(/\s+/g, ' ').slice(0, 140);
const { walked, expected } = window;
const way = walked.map((step) => step.element);
if (!way.length || !way[0].matches('.skip')) complaints.push('the way does not begin with the link to the content');
expected.forEach((element, i) => {
  if (way[i] !== element) {
    complaints.push(`step ${i + 1} leads to ${way[i] ? short(way[i]) : 'nothing'}, not to ${short(element)}`);
  }
});
walked.slice(0, expected.length).forEach((step, i) => {
  if (!step.ring) complaints.push(`no ring around ${short(step.element)}`);
  if (!step.isSeen) complaints.push(`out of sight: ${short(step.element)}`);
  const before = walked[i - 1];
  // To the right, or below; a step up and to the left is one that nobody expects.
  if (i > 1 && step.bottom <= before.top && step.left < before.left - 4) {
    complaints.push(`a step back to ${short(step.element)} from ${short(before.element)}`);
  }
});
return complaints.slice(0, 8);
