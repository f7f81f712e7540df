'use strict';

// Every row of cases/, in a child process: the host lives, the promise settles with a code that is
// allowed, the pool answers the next task, the process ends by itself with 0 and has nothing to say.
//   ISO_FAULTS=growth.js node --test test/faults/faults.test.js     one family

const assert = require('node:assert');
const { describe, test } = require('node:test');
const { families, allCases, runCase, problemsOf } = require('./harness.js');

const wanted = process.env.ISO_FAULTS ? process.env.ISO_FAULTS.split(',') : families;

for (const family of wanted) {
  describe(family.replace('.js', ''), () => {
    for (const each of allCases([family])) {
      const name = each.kind === 'thread' ? `${each.row.name}, in a Thread` : each.row.name;
      test(name, async () => {
        const result = await runCase(each);
        assert.deepStrictEqual(problemsOf(each, result), []);
      });
    }
  });
}

describe('the suite', () => {
  test('has names that are unique in their families', () => {
    for (const family of families) {
      const names = allCases([family]).map(({ kind, row }) => `${row.name} ${kind}`);
      assert.strictEqual(new Set(names).size, names.length, family);
    }
  });

  // A suite that cannot fail proves nothing.
  test('sees a process that dies, one that hangs, and what is printed', () => {
    const row = { name: 'x', expect: ['value'], value: 1 };
    const fine = { code: 0, signal: null, stderr: '', isHung: false, report: { outcome: 'value', value: 1, next: 'pong', warnings: [], lost: 0, peak: 192, left: 32 } };
    const problems = (result, report) => problemsOf({ kind: 'pool', row }, { ...fine, ...result, report: report === null ? null : { ...fine.report, ...report } });
    assert.deepStrictEqual(problems({}), []);
    assert.match(problems({ code: null, signal: 'SIGABRT' }, null).join(), /SIGABRT.*told nothing/);
    assert.match(problems({ isHung: true }, null).join(), /hangs/);
    assert.match(problems({ stderr: 'FATAL ERROR: x\n' }).join(), /FATAL/);
    assert.match(problems({}, { outcome: 'ERR_THREAD_FATAL' }).join(), /ERR_THREAD_FATAL/);
    assert.match(problems({}, { value: 2 }).join(), /value 2/);
    assert.match(problems({}, { next: 'gone' }).join(), /gone/);
    assert.match(problems({}, { lost: 1 }).join(), /lost/);
    assert.match(problems({}, { peak: 193 }).join(), /193 MB at the most/);
    assert.match(problems({}, { left: 33 }).join(), /33 MB are left/);
    const gcs = '\n<--- Last few GCs --->\n\n[12:0x7f8070000ec0]     9053 ms: Mark-Compact (reduce) 513.3 (516.9) -> 513.3 (516.9) MB, 655.98 / 0.00 ms  (average mu = 0.162, current mu = 0.000) last resort; GC in old space requested\n\n\n<--- JS stacktrace --->\n\n';
    assert.deepStrictEqual(problems({ stderr: gcs + gcs }), []);
    assert.deepStrictEqual(problems({ stderr: gcs.replace('<--- JS stacktrace --->\n\n', '') }), []);
    assert.match(problems({ stderr: `${gcs}#\n# Fatal error in x\n` }).join(), /Fatal error/);
  });
});
