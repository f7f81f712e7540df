'use strict';

/** What a test or an adapter throws where a library cannot do this: a reason, not a failure. */
function skip(reason) {
  return Object.assign(new Error(reason), { isSkip: true });
}

module.exports = { skip };
