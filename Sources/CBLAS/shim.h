// CBLAS, whichever library there is (OpenBLAS recommended), loaded when it is first called: it brings
// four libraries and 2 MiB to every start of the program, and only searching by meaning has a use for
// it. Declared here rather than included: implementations install cblas.h in different places, the ABI
// is one. Reference: "Basic Linear Algebra Subprograms Technical Forum Standard", annex B (C interface).
#ifndef CARREL_CBLAS_H
#define CARREL_CBLAS_H
#include <dlfcn.h>
#include <stddef.h>

// cblas_ddot: the inner product of n doubles.
typedef double (*carrel_blas_ddot)(int n, const double *x, int incX, const double *y, int incY);

// The function, or NULL where there is no such library. Loading it again gives the same, so threads that
// come here at once do no harm.
static inline carrel_blas_ddot carrel_blas_load_ddot(void) {
  // The first is the machine's choice, where that has the C interface.
  static const char *const names[] = {"libblas.so.3", "libopenblas.so.0", "libcblas.so.3"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    void *found = library ? dlsym(library, "cblas_ddot") : NULL;
    if (found) return (carrel_blas_ddot)found;
  }
  return NULL;
}
#endif
