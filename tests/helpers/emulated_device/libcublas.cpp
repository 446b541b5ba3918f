// A libcublas that multiplies on the CPU: the functions of it that the CUDA engine uses. As in
// cuBLAS, matrices are column-major, and `ld` is the distance from one column to the next.
#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "counts.hpp"
#include "numbers.hpp"

using cuda_emulator::on_device;
using cuda_emulator::tf32;

namespace {

enum Status { success = 0, invalid_value = 7, execution_failed = 13 };
enum Operation { none, transpose };

struct Matrix {
    const float* values;
    int ld, operation;
    float at(int row, int column) const {
        if (operation == transpose) std::swap(row, column);
        return values[row + int64_t(column) * ld];
    }
};

struct Handle {
    bool tf32 = false;
};

// Whether the matrix, `rows` x `columns` as it is stored, lies in one buffer of the device.
bool holds(const float* values, int rows, int columns, int ld) {
    if (!rows || !columns) return true;
    return on_device(values, rows + int64_t(columns - 1) * ld);
}

Status check(const Matrix& matrix, int rows, int columns) {
    if (matrix.operation == transpose) std::swap(rows, columns);
    if (matrix.ld < std::max(1, rows)) return invalid_value;
    return holds(matrix.values, rows, columns, matrix.ld) ? success : execution_failed;
}

// c[m, n] = alpha * a[m, k] b[k, n] + beta * c
int gemm(const Handle& handle, int m, int n, int k, float alpha, Matrix a, Matrix b, float beta,
         float* c, int ldc) {
    if (m < 0 || n < 0 || k < 0) return invalid_value;
    for (Status status : {check(a, m, k), check(b, k, n), check({c, ldc, none}, m, n)})
        if (status) return status;
    if (cuda_empty) return success;
    std::vector<float> packed(size_t(m) * k);  // a, its columns contiguous
    for (int l = 0; l < k; ++l)
        for (int i = 0; i < m; ++i)
            packed[i + size_t(l) * m] = tf32(a.at(i, l), handle.tf32);
    std::vector<float> sums(m);
    for (int j = 0; j < n; ++j) {
        std::fill(sums.begin(), sums.end(), 0);
        for (int l = 0; l < k; ++l) {
            const float* from = &packed[size_t(l) * m];
            const float factor = tf32(b.at(l, j), handle.tf32);
            for (int i = 0; i < m; ++i)
                sums[i] += from[i] * factor;
        }
        float* column = c + int64_t(j) * ldc;
        for (int i = 0; i < m; ++i) {
            const float old = beta ? beta * column[i] : 0;
            column[i] = alpha * sums[i] + old;
        }
    }
    return success;
}

}  // namespace

extern "C" {

int cublasCreate_v2(Handle** handle) {
    *handle = new Handle;
    return success;
}

int cublasDestroy_v2(Handle* handle) {
    delete handle;
    return success;
}

int cublasSetStream_v2(Handle*, void*) { return success; }

int cublasSetMathMode(Handle* handle, int mode) {
    handle->tf32 = mode == 3;
    return success;
}

int cublasSgemm_v2(Handle* handle, int op_a, int op_b, int m, int n, int k, const float* alpha,
                   const float* a, int lda, const float* b, int ldb, const float* beta, float* c,
                   int ldc) {
    cuda_emulator::count("cublas", "Sgemm");
    return gemm(*handle, m, n, k, *alpha, {a, lda, op_a}, {b, ldb, op_b}, *beta, c, ldc);
}

int cublasSgemmStridedBatched(Handle* handle, int op_a, int op_b, int m, int n, int k,
                              const float* alpha, const float* a, int lda, long long step_a,
                              const float* b, int ldb, long long step_b, const float* beta,
                              float* c, int ldc, long long step_c, int count) {
    cuda_emulator::count("cublas", "SgemmStridedBatched");
    for (int i = 0; i < count; ++i) {
        const Matrix left{a + i * step_a, lda, op_a};
        const Matrix right{b + i * step_b, ldb, op_b};
        const int status = gemm(*handle, m, n, k, *alpha, left, right, *beta, c + i * step_c, ldc);
        if (status) return status;
    }
    return success;
}

}  // extern "C"
