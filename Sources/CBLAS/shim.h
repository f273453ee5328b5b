// CBLAS, whichever library stands behind libblas (OpenBLAS recommended). Declared here rather than
// included: implementations install cblas.h in different places, the ABI is one.
// Reference: "Basic Linear Algebra Subprograms Technical Forum Standard", annex B (C interface).
#ifndef CARREL_CBLAS_H
#define CARREL_CBLAS_H
enum CBLAS_ORDER { CblasRowMajor = 101, CblasColMajor = 102 };
enum CBLAS_TRANSPOSE { CblasNoTrans = 111, CblasTrans = 112 };

void cblas_sgemv(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE transA, int m, int n, float alpha,
                 const float *a, int lda, const float *x, int incX, float beta, float *y, int incY);
void cblas_sgemm(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE transA, enum CBLAS_TRANSPOSE transB,
                 int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb,
                 float beta, float *c, int ldc);
#endif
