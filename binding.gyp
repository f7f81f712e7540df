{
  'variables': {
    # Set by our own builds (scripts/setup.js), never at a user's install.
    'iso_dev%': 0,
    # 'address,undefined' or 'thread': see scripts/sanitize.js.
    'iso_sanitize%': '',
    'core_sources': [
      'src/core/account.c',
      'src/core/alloc.c',
      'src/core/bare.c',
      'src/core/block.c',
      'src/core/console.c',
      'src/core/guard.c',
      'src/core/histogram.c',
      'src/core/memory.c',
      'src/core/message.c',
      'src/core/owner.c',
      'src/core/pool.c',
      'src/core/pool_tasks.c',
      'src/core/pool_threads.c',
      'src/core/queue.c',
      'src/core/remote.c',
      'src/core/report.c',
      'src/core/scheduler.c',
      'src/core/shape.c',
      'src/core/spare.c',
      'src/core/spin.c',
      'src/core/stats.c',
      'src/core/task.c',
      'src/core/thread.c',
      'src/core/wasm.c',
      'src/core/watchdog.c',
    ],
  },
  'target_defaults': {
    'include_dirs': ['src'],
    'defines': ['NAPI_VERSION=9'],
    'cflags': ['-fvisibility=hidden'],
    # Plain -std=c11 hides pthread_rwlock_t, which uv.h needs.
    'cflags_c': ['-std=c11', '-D_GNU_SOURCE'],
    # Node 20's own headers ask for C++17, 24's for C++20: all four compile as C++20.
    'cflags_cc!': ['-std=gnu++17', '-std=gnu++20'],
    'cflags_cc': ['-std=c++20'],
    'xcode_settings': {
      'GCC_SYMBOLS_PRIVATE_EXTERN': 'YES',
      'CLANG_CXX_LANGUAGE_STANDARD': 'c++20',
      'MACOSX_DEPLOYMENT_TARGET': '11.0',
      'OTHER_CFLAGS': ['-std=c11'],
    },
    'msvs_settings': {
      'VCCLCompilerTool': { 'AdditionalOptions': ['/std:c++20', '/std:c11', '/experimental:c11atomics'] },
    },
    'conditions': [
      ['iso_dev==1', {
        'cflags': ['-Wall', '-Wextra', '-Werror', '-Wshadow'],
        'cflags_c': ['-Wstrict-prototypes', '-Wmissing-prototypes'],
      }],
      ['iso_sanitize!=""', {
        'cflags': ['-fsanitize=<(iso_sanitize)', '-fno-omit-frame-pointer', '-g', '-O1'],
        # gcc sees ghosts in V8's inlines when it instruments them.
        'cflags_cc': ['-Wno-maybe-uninitialized'],
        'ldflags': ['-fsanitize=<(iso_sanitize)'],
      }],
      ['iso_sanitize=="address,undefined"', {
        'cflags': ['-fno-sanitize-recover=undefined'],
      }],
    ],
  },
  'targets': [
    {
      'target_name': 'isolated_threads',
      'sources': [
        '<@(core_sources)',
        'src/binding/addon.c',
        'src/binding/args.c',
        'src/binding/batch.c',
        'src/binding/host.c',
        'src/binding/pool_binding.c',
        'src/binding/settle.c',
        'src/binding/spare_binding.c',
        'src/binding/stream_binding.c',
        'src/binding/stats_binding.c',
        'src/binding/submit.c',
        'src/engine/v8/buffers.cc',
        'src/engine/v8/calls.cc',
        'src/engine/v8/charges.cc',
        'src/engine/v8/clone_read.cc',
        'src/engine/v8/clone_write.cc',
        'src/engine/v8/functions.cc',
        'src/engine/v8/host.cc',
        'src/engine/v8/isolate.cc',
        'src/engine/v8/limits.cc',
        'src/engine/v8/message.cc',
        'src/engine/v8/natives.cc',
        'src/engine/v8/shapes.cc',
        'src/engine/v8/transfer.cc',
        'src/engine/v8/views.cc',
        'src/engine/v8/wasm.cc',
      ],
      'include_dirs': ['<(SHARED_INTERMEDIATE_DIR)'],
      'actions': [{
        'action_name': 'embed_prelude',
        'inputs': [
          'scripts/embed.js', 'src/prelude/prelude.js', 'src/prelude/console.js', 'src/prelude/limits.js', 'src/prelude/payments.js',
          'src/prelude/limit-buffers.js', 'src/prelude/limit-intl.js', 'src/prelude/limit-text.js', 'src/prelude/limit-wasm.js',
          'lib/culprit.js', 'lib/primordials.js', 'lib/describe.js', 'lib/rebuild.js', 'lib/remote.js', 'lib/stream.js',
        ],
        'outputs': ['<(SHARED_INTERMEDIATE_DIR)/prelude_source.h'],
        'action': ['node', 'scripts/embed.js', '<@(_outputs)'],
      }],
      'conditions': [
        ['OS=="linux"', {
          # The allocator of a SharedArrayBuffer lives in this library, and such a buffer may outlive
          # the Worker that loaded it: once loaded, stay.
          'ldflags': ['-Wl,-z,nodelete'],
        }],
      ],
    },
  ],
  'conditions': [
    ['iso_dev==1', {
      'targets': [{
        'target_name': 'core_test',
        'include_dirs': ['test/core'],
        'sources': [
          '<@(core_sources)',
          'test/core/fake_engine.c',
          'test/core/faulty.c',
          'test/core/fixture.c',
          'test/core/harness.c',
          'test/core/random.c',
          'test/core/test_basics.c',
          'test/core/test_data.c',
          'test/core/test_guard.c',
          'test/core/test_message.c',
          'test/core/test_oom.c',
          'test/core/test_owner.c',
          'test/core/test_pool.c',
          'test/core/test_queue.c',
          'test/core/test_remote.c',
          'test/core/test_spare.c',
          'test/core/test_stress.c',
          'test/core/test_wasm.c',
        ],
      }],
    }],
  ],
}
