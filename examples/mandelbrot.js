'use strict';

// The Mandelbrot set, tile by tile on all cores, and how much faster than on one.
//   node examples/mandelbrot.js

const fs = require('node:fs');
const path = require('node:path');
const { performance } = require('node:perf_hooks');
const { PNG } = require('pngjs');
const { Thread, ThreadPool } = require('..');

const WIDTH = 1920;
const HEIGHT = 1280;
const TILE = 160;

const context = () => {
  const LIMIT = 600;

  // How fast a point escapes, smoothly; -1: never.
  const escapeOf = (cx, cy) => {
    let x = 0;
    let y = 0;
    for (let i = 0; i < LIMIT; i++) {
      const xx = x * x;
      const yy = y * y;
      if (xx + yy > 256) return i + 1 - Math.log2(Math.log2(xx + yy) / 2);
      y = 2 * x * y + cy;
      x = xx - yy + cx;
    }
    return -1;
  };
  const shade = (value, phase) => Math.round(127.5 + 127.5 * Math.sin(0.08 * value + phase));

  return ({ pixels, width, height, left, top, size }) => {
    const image = new Uint8Array(pixels);
    for (let py = top; py < Math.min(top + size, height); py++) {
      for (let px = left; px < Math.min(left + size, width); px++) {
        const value = escapeOf(-2.25 + (3.2 * px) / width, -1.0667 + (2.1333 * py) / height);
        const at = (py * width + px) * 3;
        for (let c = 0; c < 3; c++) image[at + c] = value < 0 ? 0 : shade(value, 4 + c * 0.9);
      }
    }
  };
};

const tiles = () => {
  const list = [];
  const pixels = new SharedArrayBuffer(WIDTH * HEIGHT * 3);
  for (let top = 0; top < HEIGHT; top += TILE) {
    for (let left = 0; left < WIDTH; left += TILE) list.push({ pixels, width: WIDTH, height: HEIGHT, left, top, size: TILE });
  }
  return list;
};

async function timed(name, list, results) {
  const start = performance.now();
  let done = 0;
  for await (const _ of results) {
    done += 1;
    const share = done / list.length;
    const bar = '#'.repeat(Math.round(share * 40)).padEnd(40, '.');
    if (process.stdout.isTTY) process.stdout.write(`\r${name} [${bar}] ${Math.round(share * 100)} %`);
    void _;
  }
  const elapsed = performance.now() - start;
  process.stdout.write(`${process.stdout.isTTY ? '\r' : ''}${name} [${'#'.repeat(40)}] ${elapsed.toFixed(0)} ms\n`);
  return elapsed;
}

async function* oneByOne(thread, list) {
  for (const tile of list) yield thread.run(tile);
}

async function main() {
  const pool = new ThreadPool(context);
  const thread = new Thread(context);
  await Promise.all([pool.ready, thread.ready]);

  const alone = tiles();
  const single = await timed('one thread ', alone, oneByOne(thread, alone));
  const list = tiles();
  const many = await timed(`${String(pool.stats().threads).padStart(2)} threads `, list, pool.map(list, { ordered: false }));

  const png = new PNG({ width: WIDTH, height: HEIGHT });
  png.data = Buffer.from(list[0].pixels);
  const file = path.resolve(__dirname, '..', 'out', 'mandelbrot.png');
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, PNG.sync.write(png, { colorType: 2, inputColorType: 2, inputHasAlpha: false }));
  console.log(`speed-up    ${(single / many).toFixed(2)} on ${pool.stats().threads} threads`);
  console.log(`picture     ${file}`);
  await pool.close();
}

main();
