'use strict';

const { Thread } = require('./thread.js');
const { ThreadError } = require('./errors.js');

module.exports = { Thread, ThreadError };
