// Short vectors of floats or doubles, written with the compiler's own vector type: arithmetic, comparison and `?:`
// work lane by lane on every processor. Only reading and writing part of a vector needs to know the instruction set.
//
// Everything from here on is compiled once per instruction set, each copy in its own namespace.
#pragma once

#include <cstddef>
#include <cstdint>

#ifndef NURT_ISA
#error "compile engine.cpp with NURT_ISA=baseline, avx2 or avx512"
#endif
#define NURT_BASELINE 0
#define NURT_AVX2 1
#define NURT_AVX512 2

#if NURT_ISA_LEVEL != NURT_BASELINE
#include <immintrin.h>
#endif

namespace nurt::NURT_ISA {

#if NURT_ISA_LEVEL == NURT_AVX512
constexpr std::size_t kVectorBytes = 64;
#elif NURT_ISA_LEVEL == NURT_AVX2
constexpr std::size_t kVectorBytes = 32;
#else
constexpr std::size_t kVectorBytes = 16;
#endif

template <class S> struct VectorOf;
template <> struct VectorOf<float> {
  typedef float type __attribute__((vector_size(kVectorBytes)));
  typedef std::int32_t bits __attribute__((vector_size(kVectorBytes)));
};
template <> struct VectorOf<double> {
  typedef double type __attribute__((vector_size(kVectorBytes)));
  typedef std::int64_t bits __attribute__((vector_size(kVectorBytes)));
};
template <class S> using Vector = typename VectorOf<S>::type;
template <class S> using Bits = typename VectorOf<S>::bits;
template <class S> constexpr std::size_t kLanes = kVectorBytes / sizeof(S);

template <class S> inline Vector<S> splat(S value) { return value - Vector<S>{}; }

// The same bits seen as integers or as numbers.
template <class S> inline Bits<S> as_bits(Vector<S> v) { return (Bits<S>)v; }
template <class S> inline Vector<S> as_vector(Bits<S> v) { return (Vector<S>)v; }

template <class S> inline Vector<S> load(const S* from) {
  Vector<S> v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}
template <class S> inline void store(S* to, Vector<S> v) { __builtin_memcpy(to, &v, sizeof v); }

// The sum of N numbers, halves added to each other: the same order wherever it is asked for.
template <class S, std::size_t N> inline S sum_of(const S* numbers) {
  if constexpr (N == 1) {
    return *numbers;
  } else {
    typedef S Half __attribute__((vector_size(N / 2 * sizeof(S))));
    Half low, high;
    __builtin_memcpy(&low, numbers, sizeof low);
    __builtin_memcpy(&high, numbers + N / 2, sizeof high);
    low += high;
    return sum_of<S, N / 2>(reinterpret_cast<const S*>(&low));
  }
}
template <class S> inline S sum_lanes(const Vector<S>& v) {
  return sum_of<S, kLanes<S>>(reinterpret_cast<const S*>(&v));
}

// Ask for a cache line before it is read or written; the address need not exist. What a recurrence keeps per step
// outgrows the second-level cache, and without asking every row would be waited for.
inline void fetch_soon(const void* p) { __builtin_prefetch(p, 0, 3); }
inline void fetch_later(const void* p) { __builtin_prefetch(p, 0, 2); }
inline void write_later(void* p) { __builtin_prefetch(p, 1, 2); }
inline void write_soon(void* p) { __builtin_prefetch(p, 1, 3); }

#if NURT_ISA_LEVEL == NURT_AVX512
inline Vector<float> load_first(const float* from, std::size_t n) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), from);
}
inline void store_first(float* to, Vector<float> v, std::size_t n) {
  _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1u << n) - 1), v);
}
inline Vector<double> load_first(const double* from, std::size_t n) {
  return _mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << n) - 1), from);
}
inline void store_first(double* to, Vector<double> v, std::size_t n) {
  _mm512_mask_storeu_pd(to, static_cast<__mmask8>((1u << n) - 1), v);
}
#elif NURT_ISA_LEVEL == NURT_AVX2
inline __m256i first_lanes(std::size_t bytes) {
  alignas(64) static const std::int32_t edge[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(edge + 8 - bytes / 4));
}
inline Vector<float> load_first(const float* from, std::size_t n) {
  return _mm256_maskload_ps(from, first_lanes(4 * n));
}
inline void store_first(float* to, Vector<float> v, std::size_t n) { _mm256_maskstore_ps(to, first_lanes(4 * n), v); }
inline Vector<double> load_first(const double* from, std::size_t n) {
  return _mm256_maskload_pd(from, first_lanes(8 * n));
}
inline void store_first(double* to, Vector<double> v, std::size_t n) {
  _mm256_maskstore_pd(to, first_lanes(8 * n), v);
}
#else
template <class S> inline Vector<S> load_first(const S* from, std::size_t n) {
  Vector<S> v{};
  for (std::size_t i = 0; i < kLanes<S>; ++i) {
    if (i < n) v[i] = from[i];
  }
  return v;
}
template <class S> inline void store_first(S* to, Vector<S> v, std::size_t n) {
  for (std::size_t i = 0; i < kLanes<S>; ++i) {
    if (i < n) to[i] = v[i];
  }
}
#endif

// How a piece of a row is read and written: a whole vector, or its first n lanes (nothing else is touched).
template <class S> struct Whole {
  Vector<S> read(const S* from) const { return load(from); }
  void write(S* to, Vector<S> v) const { store(to, v); }
};
template <class S> struct First {
  std::size_t n;
  Vector<S> read(const S* from) const { return load_first(from, n); }
  void write(S* to, Vector<S> v) const { store_first(to, v, n); }
};

// Calls visit(lane access, column) over the columns 0 .. count-1 in vector steps.
template <class S, class Visit> inline void for_columns(std::size_t count, const Visit& visit) {
  std::size_t j = 0;
  for (; j + kLanes<S> <= count; j += kLanes<S>) visit(Whole<S>{}, j);
  if (j < count) visit(First<S>{count - j}, j);
}

// The same from the last column to the first.
template <class S, class Visit> inline void for_columns_falling(std::size_t count, const Visit& visit) {
  std::size_t j = count / kLanes<S> * kLanes<S>;
  if (j < count) visit(First<S>{count - j}, j);
  while (j > 0) visit(Whole<S>{}, j -= kLanes<S>);
}

}  // namespace nurt::NURT_ISA
