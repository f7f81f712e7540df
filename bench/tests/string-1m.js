'use strict';

const { large } = require('../lib/pipelined.js');

module.exports = large('Pipelined: a string of 1 MB', 'abcdefghij'.repeat(100000), [300, 60, 8]);
