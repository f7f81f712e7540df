/* Waiting without sleeping, for some microseconds, where what is waited for is likely to come: a
 * wake through the system costs ten times as much as all else that a short task needs. */
#ifndef ISO_CORE_SPIN_H
#define ISO_CORE_SPIN_H

#if defined(__unix__) || defined(__APPLE__)
#include <sched.h>
#endif
#include <uv.h>

/* How many of this process's threads may wait so at a time: one core is left for those who work.
 * 0 where there is only one. */
int iso_spin_bound(void);

/* Looks at a condition so often before it looks at the clock. */
enum { ISO_SPIN_LOOKS = 64 };

/* Whoever waits for the core that the caller is on has it for a moment. The system likes to put a
 * thread where the one is that wakes it. */
static inline void iso_lend_core(void) {
#if defined(__unix__) || defined(__APPLE__)
  sched_yield();
#endif
}

static inline void iso_spin_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#endif
