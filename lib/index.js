'use strict';

const { Thread } = require('./thread.js');
const { ThreadPool } = require('./thread-pool.js');
const { ThreadError } = require('./errors.js');

module.exports = { Thread, ThreadPool, ThreadError };
