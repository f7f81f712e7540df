'use strict';

const { noise } = require('../lib/sources.js');
const { median } = require('../lib/numbers.js');

module.exports = {
  title: 'The noise image of the README, 3840 x 2160 x 3',
  isInline: true,
  metrics: {
    first: { label: 'start of the thread included', unit: 'ms', better: 'less' },
    next: { label: 'another one', unit: 'ms', better: 'less' },
  },

  async run({ create, pick }) {
    const size = { w: 3840, h: pick(2160, 720, 216), c: 3 };
    const begin = performance.now();
    const thread = create({ source: noise, threads: 1 });
    const image = new Uint8Array(await thread.run(size));
    const first = performance.now() - begin;
    if (image.length !== size.w * size.h * size.c) throw new Error(`the image has ${image.length} bytes`);

    const next = [];
    for (let i = 0; i < pick(5, 1, 1); i++) {
      const again = performance.now();
      await thread.run(size);
      next.push(performance.now() - again);
    }
    await thread.close();
    return { first, next: median(next) };
  },
};
