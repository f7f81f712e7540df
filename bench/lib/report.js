'use strict';

// The results as Markdown, and where it goes in docs/performance.md.

const fs = require('node:fs');
const { testOf } = require('./catalogue.js');
const { wasBusy } = require('./machine.js');
const { compare } = require('./targets.js');
const { format, median } = require('./numbers.js');

const BEGIN = '<!-- bench: begin. Written by npm run bench -->';
const END = '<!-- bench: end -->';

function cell(entry) {
  if (!entry) return '';
  if (!entry.values) return '–';
  const middle = format(median(entry.values));
  if (entry.values.length === 1) return middle;
  return `${middle} (${format(Math.min(...entry.values))} to ${format(Math.max(...entry.values))})`;
}

function testTable(name, metrics, libraries) {
  const test = testOf(name);
  const present = libraries.filter((library) => Object.values(metrics).some((row) => row[library]));
  const lines = [`### ${test.title}`, `| | ${present.join(' | ')} |`, `|---|${present.map(() => '---').join('|')}|`];
  for (const [metric, { label, unit }] of Object.entries(test.metrics)) {
    const row = metrics[metric] ?? {};
    lines.push(`| ${label}${unit ? `, ${unit}` : ''} | ${present.map((library) => cell(row[library])).join(' | ')} |`);
  }
  const reasons = new Set();
  for (const row of Object.values(metrics)) {
    for (const [library, { values, skipped }] of Object.entries(row)) {
      if (!values) reasons.add(`${library}: ${skipped.split('\n')[0]}`);
    }
  }
  if (reasons.size > 0) lines.push('', `– ${[...reasons].join('; ')}`);
  return lines.join('\n');
}

function targetsTable(results) {
  const rows = compare(results);
  if (rows.length === 0) return undefined;
  const lines = rows.map(({ what, wanted, reached, met, by }) =>
    `| ${what} | ${wanted} | ${reached} | ${met ? 'met' : `missed, by ${format(by)} times`} |`);
  return ['### Targets', '| what | wanted | reached | |', '|---|---|---|---|', ...lines].join('\n');
}

const ways = {
  full: 'a full run',
  quick: 'a quick run: fewer and shorter measurements, so rougher numbers',
  smoke: 'a smoke run: no numbers to rely on',
};

/** The whole report of a run. */
function markdown({ machine, versions, scale, repeats, load, lines, results, seconds }) {
  const libraries = Object.keys(versions);
  const head = [
    `${machine.date}, ${ways[scale]}. ${machine.cores} cores (${machine.cpu}), ${machine.memoryGB} GB, ${machine.system},`,
    `Node ${machine.node}, V8 ${machine.v8}; commit ${machine.commit}. ${repeats === 1 ? 'One process' : `Medians of ${repeats} processes (range)`} each; ${Math.round(seconds / 60)} minutes;`,
    `load of the machine before it: ${load.toFixed(2)}.${wasBusy({ machine, load }) ? ' **It was busy with other work: rely on none of these numbers.**' : ''}`,
    `Versions: ${Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(', ')}.`,
    `Lines of this library: ${Object.entries(lines).map(([name, count]) => `${name} ${count}`).join(', ')}.`,
  ].join('\n');
  const tables = Object.entries(results).map(([name, metrics]) => testTable(name, metrics, libraries));
  return [head, targetsTable(results), ...tables].filter(Boolean).join('\n\n');
}

/** Puts a report between the markers of a document. */
function insert(file, text) {
  const document = fs.readFileSync(file, 'utf8');
  const [begin, end] = [document.indexOf(BEGIN), document.indexOf(END)];
  if (begin === -1 || end < begin) throw new Error(`${file} has no markers for the report`);
  fs.writeFileSync(file, `${document.slice(0, begin + BEGIN.length)}\n${text}\n${document.slice(end)}`);
}

module.exports = { markdown, insert };
