'use strict';

module.exports = ({ source, args }) => (0, eval)(`(${source})`)(...args);
