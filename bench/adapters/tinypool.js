'use strict';

const { pathToFileURL } = require('node:url');
const { moduleFile } = require('../lib/module-file.js');
const { skip } = require('../lib/skip.js');

module.exports = {
  package: 'tinypool',

  async load() {
    const { default: Tinypool } = await import('tinypool');
    return ({ source, threads, movesResult }) => {
      if (movesResult) throw skip('its workers are not given a way to move a result');
      const filename = pathToFileURL(moduleFile(`module.exports = (${source})();`)).href;
      const pool = new Tinypool({ filename, minThreads: threads, maxThreads: threads });
      return {
        run: (value) => pool.run(value),
        abortAfter: (value, ms) => {
          const controller = new AbortController();
          setTimeout(() => controller.abort(), ms);
          return pool.run(value, { signal: controller.signal });
        },
        close: () => pool.destroy(),
      };
    };
  },
};
