/// Counts instructions, for tests that guard kernels by something steadier than time.
#ifndef CSTEPPER_H
#define CSTEPPER_H

/// How many instructions `body(context)` executes in user mode: a copy of this process runs it one
/// step at a time (ptrace(2), PTRACE_SINGLESTEP). The same number on every run, with any instruction
/// set. About a microsecond or two a step.
///
/// Call `body` once before, so that what is bound on first use is bound. It must not wait for threads.
///
/// Returns -1 where a process may not be traced, and -2 when `body` crashed or took over `most` steps.
long cstepper_count(void (*body)(void *), void *context, long most);

#endif
