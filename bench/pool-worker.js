'use strict';

// What bench/pool.js runs in piscina: the same work as in our threads.
module.exports = (job) => {
  const end = Date.now() + job.ms;
  while (Date.now() < end);
  if (job.done) Atomics.add(job.done, 0, 1);
};
