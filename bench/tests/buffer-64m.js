'use strict';

const { buffers } = require('../lib/pipelined.js');

module.exports = buffers('A buffer of 64 MB, one after the other', 64, 1, [5, 2, 1]);
