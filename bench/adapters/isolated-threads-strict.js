'use strict';

// This library where an idle thread may not take what waits for a busy one: a variant, which only
// the tests about sharing work ask for.

const { make } = require('./isolated-threads.js');

module.exports = { ...make({ steal: false }), isVariant: true };
