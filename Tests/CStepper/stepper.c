#include "cstepper.h"

#if defined(__linux__)
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/// Steps from the child's first stop to its end.
static long steps(void (*body)(void *), void *context, long most) {
  const pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) _exit(1);
    raise(SIGSTOP);
    if (body) body(context);
    _exit(0);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return -1;
  long count = 0;
  while (count <= most) {
    if (ptrace(PTRACE_SINGLESTEP, child, 0, 0) != 0) break;
    if (waitpid(child, &status, 0) != child) break;
    if (WIFEXITED(status)) return count;
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP) break;
    count++;
  }
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  return -2;
}

long cstepper_count(void (*body)(void *), void *context, long most) {
  const long empty = steps(0, 0, most);
  if (empty < 0) return empty;
  const long full = steps(body, context, most + empty);
  return full < 0 ? full : full - empty;
}
#else
long cstepper_count(void (*body)(void *), void *context, long most) {
  (void)body, (void)context, (void)most;
  return -1;
}
#endif
