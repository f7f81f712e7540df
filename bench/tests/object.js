'use strict';

const { small } = require('../lib/pipelined.js');
const { smallObject } = require('../lib/sources.js');

module.exports = small('Pipelined: a small object in and out', smallObject);
