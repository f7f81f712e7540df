'use strict';

// Real work of pure-JavaScript packages, bundled to one string with its input: the same text runs in
// a thread and, through node:vm, on the main thread, in turns, in one process.

const path = require('node:path');
const vm = require('node:vm');
const { median } = require('./numbers.js');

// One function, which needs nothing: `(rounds) => number`.
function bundle(code) {
  const { buildSync } = require('esbuild');
  const built = buildSync({
    stdin: { contents: code, resolveDir: path.join(__dirname, '..') },
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'bundled',
    platform: 'neutral',
    mainFields: ['module', 'main'],
  });
  return `() => { ${built.outputFiles[0].text}\nreturn bundled.work; }`;
}

/** A test of work; `code()` is a module that exports `work(rounds)`. */
const work = (title, code) => ({
  title,
  metrics: {
    ms: { label: 'in a thread', unit: 'ms', better: 'less' },
    main: { label: 'on the main thread, in turns with it', unit: 'ms', better: 'less' },
    share: { label: 'speed of the main thread reached', unit: '%', better: 'more' },
  },

  async run({ create, pick }) {
    const source = bundle(code());
    const here = vm.runInThisContext(`(${source})()`);
    const thread = create({ source, threads: 1 });
    const timed = async (run) => {
      const begin = performance.now();
      const result = await run();
      return { ms: performance.now() - begin, result };
    };

    const times = { main: [], thread: [] };
    const warmUps = pick(20, 2, 1);
    const rounds = pick(60, 4, 2);
    for (let i = 0; i < warmUps + rounds; i++) {
      // Who comes second has another heap and other caches than who comes first.
      const runs = [() => here(1), () => thread.run(1)];
      if (i % 2 === 1) runs.reverse();
      const ends = [await timed(runs[0]), await timed(runs[1])];
      if (i % 2 === 1) ends.reverse();
      const [main, there] = ends;
      if (main.result !== there.result) throw new Error('thread and main thread do not agree');
      if (i < warmUps) continue;
      times.main.push(main.ms);
      times.thread.push(there.ms);
    }
    await thread.close();
    const [main, ms] = [median(times.main), median(times.thread)];
    return { ms, main, share: (main / ms) * 100 };
  },
});

module.exports = { work };
