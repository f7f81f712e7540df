'use strict';

// The charts of docs/charts: SVG, drawn by ECharts without a browser.

const fs = require('node:fs');
const path = require('node:path');
const { wasBusy } = require('./machine.js');
const { format, median } = require('./numbers.js');

const OURS = '#1a7f5a';
const OTHERS = '#9aa7b1';

// [file, title, the [test, metric] it shows, unit]. Bars on a logarithmic scale: the libraries are
// far apart.
const charts = [
  ['start', 'Start of one thread to its first result, ms (less is better)', ['start', 'cold']],
  ['start-50', '50 threads at once until all have answered, ms (less is better)', ['start-many', 'cold50']],
  ['round-trip', 'Round trip to a busy thread, us (less is better)', ['round-trip', 'p50']],
  ['int', 'Pipelined integers, 2 threads, thousand a second (more is better)', ['int', 'two']],
  ['object', 'Pipelined small objects, 2 threads, thousand a second (more is better)', ['object', 'two']],
  ['buffer', '64 MB copied in and out, ms (less is better)', ['buffer-64m', 'copied']],
  ['memory', 'Resident memory of an idle thread, MB (less is better)', ['memory', 'idle']],
  ['abort', 'Abort of an endless loop to the next answer, ms (less is better)', ['abort', 'next']],
];

// A picture is looked at without its document: it says itself what it belongs to.
function subtitleOf({ machine, scale, load, ...rest }) {
  const what = `${machine.date}, Node ${machine.node}, ${machine.cores} cores, ${scale} run`;
  return wasBusy({ machine, load, ...rest }) ? `${what}. The machine was busy with other work: not to be relied on` : what;
}

function optionsOf(title, subtitle, bars) {
  // The first library on top.
  const rows = bars.toReversed();
  // Bars of a logarithmic axis need somewhere to begin.
  const least = Math.min(...rows.map(({ value }) => value));
  return {
    animation: false,
    backgroundColor: '#ffffff',
    title: { text: title, subtext: subtitle, subtextStyle: { fontSize: 11, color: '#57606a' }, left: 12, top: 8, textStyle: { fontSize: 14, fontWeight: 'normal', color: '#24292f' } },
    grid: { left: 130, right: 90, top: 56, bottom: 12 },
    xAxis: { type: 'log', min: 10 ** Math.floor(Math.log10(least) - 0.3), axisLabel: { show: false }, splitLine: { show: false } },
    yAxis: { type: 'category', data: rows.map(({ library }) => library), axisTick: { show: false }, axisLine: { show: false }, axisLabel: { color: '#24292f' } },
    series: [{
      type: 'bar',
      barWidth: 16,
      data: rows.map(({ library, value }) => ({
        value,
        itemStyle: { color: library === 'isolated-threads' ? OURS : OTHERS },
        label: { show: true, position: 'right', formatter: format(value), color: '#24292f' },
      })),
    }],
  };
}

/** Draws what the results of a run hold; gives the names of the files. */
function draw(run, folder) {
  const { results } = run;
  const echarts = require('echarts');
  fs.mkdirSync(folder, { recursive: true });
  const files = [];
  for (const [name, title, [test, metric]] of charts) {
    const bars = Object.entries(results[test]?.[metric] ?? {})
      .filter(([, { values }]) => values)
      .map(([library, { values }]) => ({ library, value: median(values) }))
      // A logarithm has no place for less.
      .filter(({ value }) => value > 0);
    if (bars.length === 0) continue;
    const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 640, height: 76 + bars.length * 26 });
    chart.setOption(optionsOf(title, subtitleOf(run), bars));
    fs.writeFileSync(path.join(folder, `${name}.svg`), `${chart.renderToSVGString()}\n`);
    chart.dispose();
    files.push(`${name}.svg`);
  }
  return files;
}

module.exports = { draw };
