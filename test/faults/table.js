'use strict';

// What each fault costs: node test/faults/table.js [--json] [--brief] [--jobs=N] [--settle=MS] [FILE.js or /PATTERN/ ...]
// Fails where something is wrong; --brief shows only that. One line a case: how its promise settled, how far the resident set went above where it was and
// what is left of that, CPU time, threads lost (written off) and parked, whether V8 itself gave up; what is wrong with it, if
// anything. The memory limit is 64 MB wherever the row does not say otherwise. From Node 24 on V8
// keeps the pages of an isolate that is gone, where its heap could not be emptied before, until
// another one, whichever it picks, has run a task 8 seconds later; a spare that it picked may end
// before, and the 8 seconds begin anew. What is left is measured when at most 16 MB are, or after
// --settle (20000) milliseconds.

const { allCases, runCase, problemsOf } = require('./harness.js');

const flags = process.argv.slice(2).filter((word) => word.startsWith('--'));
const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const jobs = Number(flags.find((flag) => flag.startsWith('--jobs='))?.slice(7) ?? 1);
const asJson = flags.includes('--json');
const isBrief = flags.includes('--brief');
process.env.ISO_SETTLE_MS = flags.find((flag) => flag.startsWith('--settle='))?.slice(9) ?? '20000';

const isWanted = ({ file, row }) =>
  words.length === 0 || words.some((word) => (word.startsWith('/') ? new RegExp(word.slice(1, -1)).test(`${file} ${row.name}`) : word === file));

const columns = [
  ['fault', 44], ['outcome', -26], ['peak MB', 8], ['left MB', 8], ['CPU ms', 7], ['lost', 5], ['parked', 7], ['V8 gave up', 10], ['', -1],
];
const pad = (text, width) => (width < 0 ? String(text).padEnd(-width) : String(text).padStart(width));
const line = (cells) => `| ${cells.map((cell, i) => pad(cell, i === 0 ? -columns[0][1] : columns[i][1])).join(' | ')} |`;

function show(each, result, problems) {
  const { report } = result;
  const name = each.kind === 'thread' ? `${each.row.name} (Thread)` : each.row.name;
  const cells = report === null
    ? [name, result.isHung ? 'HANG' : `DEATH ${result.signal ?? result.code}`, '', '', '', '', '', '']
    : [name, report.outcome, report.peak, report.left, report.cpu, report.lost || '', report.parked || '', result.hasGivenUp ? 'yes' : ''];
  console.log(line([...cells, problems.join('; ').replaceAll('|', '/')]));
}

async function main() {
  const cases = allCases().filter(isWanted);
  const all = [];
  const { length } = cases;
  let bad = 0;
  if (!asJson) {
    console.log(`Node ${process.version}\n`);
    console.log(line(columns.map(([title]) => title)));
    console.log(`|${columns.map(([, width]) => (width < 0 ? '---' : '--:')).join('|').replace('--:', '---')}|`);
  }
  const work = async () => {
    for (let each = cases.shift(); each; each = cases.shift()) {
      const result = await runCase(each);
      const problems = problemsOf(each, result);
      if (problems.length > 0) bad += 1;
      if (asJson) all.push({ file: each.file, kind: each.kind, name: each.row.name, ...result, stdout: undefined, problems });
      else if (!isBrief || problems.length > 0) show(each, result, problems);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  if (asJson) console.log(JSON.stringify(all));
  else console.log(`\n${length} faults, ${bad === 0 ? 'nothing wrong' : `${bad} with something wrong`}`);
  if (bad > 0) process.exitCode = 1;
}

main();
