'use strict';

const { small } = require('../lib/pipelined.js');

module.exports = small('Pipelined: an integer in and out', 5);
