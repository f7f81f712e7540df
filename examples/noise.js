'use strict';

// A noise image, made in a thread while the main loop goes on, and shared with it without a copy.
//   npm start

const fs = require('node:fs');
const path = require('node:path');
const { performance } = require('node:perf_hooks');
const { PNG } = require('pngjs');
const { Thread } = require('..');

const context = () => {
  const random = () => Math.round(Math.random() * 255);
  return ({ w, h, c }) => {
    const sharedArray = new SharedArrayBuffer(w * h * c);
    const image = new Uint8Array(sharedArray);
    console.log('generating noise image with params', { w, h, c });
    for (let i = 0; i < image.length; i++) image[i] = random();
    return sharedArray;
  };
};

async function main() {
  const size = { w: 3840, h: 2160, c: 3 };

  let ticks = 0;
  const ticker = setInterval(() => (ticks += 1), 1);

  const t = new Thread(context);
  const start = performance.now();
  const image = new Uint8Array(await t.run(size));
  const elapsed = performance.now() - start;
  clearInterval(ticker);

  const png = new PNG({ width: size.w, height: size.h, colorType: 2, inputColorType: 2, inputHasAlpha: false });
  png.data = Buffer.from(image.buffer);
  const bytes = PNG.sync.write(png, { colorType: 2, inputColorType: 2, inputHasAlpha: false, deflateLevel: 1, filterType: 0 });
  const file = path.resolve(__dirname, '..', 'out', 'noise.png');
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, bytes);

  console.log(`picture      ${file}`);
  console.log(`size         ${size.w} x ${size.h} pixels, ${image.length} bytes raw, ${bytes.length} bytes as PNG`);
  console.log(`in thread    ${elapsed.toFixed(0)} ms, start of the thread included`);
  console.log(`meanwhile    ${ticks} ticks of the main event loop`);
}

// Nothing is disposed: an idle thread does not keep the process alive.
main();
