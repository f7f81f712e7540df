'use strict';

const { buffers } = require('../lib/pipelined.js');

module.exports = buffers('A buffer of 1 MB, 2 threads, 8 under way', 1, 8, [500, 60, 16]);
