'use strict';

const { large } = require('../lib/pipelined.js');

module.exports = large('Pipelined: a string of 10 KB', 'abcdefghij'.repeat(1000), [20000, 3000, 100]);
