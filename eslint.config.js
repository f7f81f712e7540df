'use strict';

const js = require('@eslint/js');
const globals = require('globals');

module.exports = [
  { ignores: ['build/', '.lines/', 'node_modules/', 'bench/node_modules/', 'out/', 'prebuilds/', 'test/types/'] },
  js.configs.recommended,
  {
    files: ['**/*.js'],
    languageOptions: { ecmaVersion: 2024, sourceType: 'commonjs', globals: { ...globals.node } },
    rules: {
      'no-unused-vars': ['error', { args: 'after-used', caughtErrors: 'none' }],
      'prefer-const': 'error',
      eqeqeq: 'error',
      'no-var': 'error',
      'no-empty': ['error', { allowEmptyCatch: false }],
      complexity: ['error', 15],
      'max-lines': ['error', 500],
    },
  },
  { files: ['**/*.mjs'], languageOptions: { sourceType: 'module', globals: { ...globals.node } } },
  {
    // These run in a bare isolate.
    files: ['src/prelude/**/*.js', 'lib/culprit.js'],
    languageOptions: {
      globals: {
        ...Object.fromEntries(Object.keys(globals.node).map((name) => [name, 'off'])),
        ...globals.es2021, module: 'writable', require: 'readonly', WebAssembly: 'readonly',
      },
    },
  },
  {
    files: ['test/**/*.js', 'bench/**/*.js', 'examples/**/*.js'],
    languageOptions: { globals: { ...globals.node, gc: 'readonly', SuppressedError: 'readonly', Thread: 'readonly', Worker: 'readonly', root: 'readonly', ThreadError: 'readonly' } },
    rules: { 'no-constant-condition': 'off', 'no-empty': 'off', 'no-cond-assign': 'off', complexity: 'off', 'no-redeclare': ['error', { builtinGlobals: false }], 'no-new': 'off', 'getter-return': 'off' },
  },
  { files: ['test/faults/cases/**/*.js', 'test/js/interrupt.test.js'], rules: { 'no-unreachable': 'off', 'no-unsafe-finally': 'off' } },
  { files: ['lib/errors.js'], languageOptions: { globals: { SuppressedError: 'readonly' } } },
];
