'use strict';

// The exit suite at its full length: node scripts/exit.js [TIMES]

process.env.ISO_EXIT_TIMES = process.argv[2] ?? '200';
process.argv.splice(2, process.argv.length, 'test/faults/exit.test.js');
require('./test.js');
