'use strict';

/** The share-th of numbers, 0.5 being the median. */
function quantile(numbers, share) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

const median = (numbers) => quantile(numbers, 0.5);

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** A number in three digits or so. */
function format(number) {
  if (number === 0) return '0';
  if (Math.abs(number) >= 100) return Math.round(number).toLocaleString('en-US');
  return String(Number(number.toPrecision(Math.abs(number) < 0.01 ? 1 : 3)));
}

module.exports = { quantile, median, pause, format };
