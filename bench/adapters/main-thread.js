'use strict';

// No thread at all: what the same code costs where everything else waits for it. Only tests that
// say `inline` ask for it.

const vm = require('node:vm');

module.exports = {
  package: null,
  isInline: true,
  version: () => process.versions.node,

  load: () => ({ source }) => {
    const run = vm.runInThisContext(`(${source})()`);
    return { run: async (value) => run(value), close: async () => {} };
  },
};
