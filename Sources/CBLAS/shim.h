// CBLAS, whichever library stands behind libblas (OpenBLAS recommended). Declared here rather than
// included: implementations install cblas.h in different places, the ABI is one.
// Reference: "Basic Linear Algebra Subprograms Technical Forum Standard", annex B (C interface).
#ifndef CARREL_CBLAS_H
#define CARREL_CBLAS_H
double cblas_ddot(int n, const double *x, int incX, const double *y, int incY);
#endif
