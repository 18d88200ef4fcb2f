/* Dense layers: the three products of a training step, tile by tile.

   What a tile holds in registers decides how fast this is and nothing else: every sum below goes
   through its terms in the order of their index, into one number, in every tile.

   Activations and slopes of E examples lie as [unit][example], weights as [input][output], each of
   them a vector of replicas. A tile works on as many replicas as a register holds: ROW of them, which
   are all of them in float32. */
#ifndef QUIZSERVER_DENSE_H
#define QUIZSERVER_DENSE_H

#include "plan.h"

#if LANES == 16
#define TILE 4
#define WIDE_FUNCTION __attribute__((min_vector_width(512)))
#else
#define TILE 2
#define WIDE_FUNCTION
#endif
#define REGISTER_BYTES (LANES * 4)
#define ROW (REGISTER_BYTES / (int)sizeof(REAL))

/* As many replicas as a register holds. */
typedef REAL Row __attribute__((vector_size(REGISTER_BYTES), aligned(REGISTER_BYTES), may_alias));

#define UNROLL _Pragma("clang loop unroll(full)")

INLINE const Row *row_of(const V *vectors, int index, int lane) {
    return (const Row *)((const REAL *)(vectors + index) + lane);
}
INLINE Row *row_in(V *vectors, int index, int lane) {
    return (Row *)((REAL *)(vectors + index) + lane);
}

/* out[o][e] = bias[o] + sum over i of in[i][e] * weight[i][o], for O outputs from ``o`` on */
INLINE void forward_tile(const V *weight, const V *bias, const V *in, V *out, int inputs, int outputs,
                         int o, int lane, const int O, const int E) {
    Row sum[TILE][TOGETHER];
    UNROLL for (int j = 0; j < O; j++) {
        Row start = bias ? *row_of(bias, o + j, lane) : (Row){0};
        UNROLL for (int e = 0; e < E; e++) sum[j][e] = start;
    }
    for (int i = 0; i < inputs; i++) {
        Row x[TOGETHER];
        UNROLL for (int e = 0; e < E; e++) x[e] = *row_of(in, i * E + e, lane);
        UNROLL for (int j = 0; j < O; j++) {
            Row w = *row_of(weight, i * outputs + o + j, lane);
            UNROLL for (int e = 0; e < E; e++) sum[j][e] = sum[j][e] + x[e] * w;
        }
    }
    UNROLL for (int j = 0; j < O; j++) {
        UNROLL for (int e = 0; e < E; e++) *row_in(out, (o + j) * E + e, lane) = sum[j][e];
    }
}

INLINE void dense_forward(const V *weight, const V *bias, const V *in, V *out, int inputs, int outputs,
                          const int E) {
    for (int lane = 0; lane < LANES; lane += ROW) {
        int o = 0;
        for (; o + TILE <= outputs; o += TILE)
            forward_tile(weight, bias, in, out, inputs, outputs, o, lane, TILE, E);
        for (; o < outputs; o++)
            forward_tile(weight, bias, in, out, inputs, outputs, o, lane, 1, E);
    }
}

/* in_slope[i][e] = sum over o of slope[o][e] * weight[i][o], for I inputs from ``i`` on */
INLINE void slope_tile(const V *weight, const V *slope, V *in_slope, int outputs, int i, int lane,
                       const int I, const int E) {
    Row sum[TILE][TOGETHER];
    UNROLL for (int j = 0; j < I; j++) {
        Row w = *row_of(weight, (i + j) * outputs, lane);
        UNROLL for (int e = 0; e < E; e++) sum[j][e] = *row_of(slope, e, lane) * w;
    }
    for (int o = 1; o < outputs; o++) {
        Row d[TOGETHER];
        UNROLL for (int e = 0; e < E; e++) d[e] = *row_of(slope, o * E + e, lane);
        UNROLL for (int j = 0; j < I; j++) {
            Row w = *row_of(weight, (i + j) * outputs + o, lane);
            UNROLL for (int e = 0; e < E; e++) sum[j][e] = sum[j][e] + d[e] * w;
        }
    }
    UNROLL for (int j = 0; j < I; j++) {
        UNROLL for (int e = 0; e < E; e++) *row_in(in_slope, (i + j) * E + e, lane) = sum[j][e];
    }
}

INLINE void dense_slope(const V *weight, const V *slope, V *in_slope, int inputs, int outputs,
                        const int E) {
    for (int lane = 0; lane < LANES; lane += ROW) {
        int i = 0;
        for (; i + TILE <= inputs; i += TILE)
            slope_tile(weight, slope, in_slope, outputs, i, lane, TILE, E);
        for (; i < inputs; i++) slope_tile(weight, slope, in_slope, outputs, i, lane, 1, E);
    }
}

/* gradient[i][o] goes on by the sum over e of in[i][e] * slope[o][e], for I inputs from ``i`` on;
   ``first`` examples of a batch start it at zero */
INLINE void gradient_tile(V *gradient, const V *in, const V *slope, int outputs, int first, int i,
                          int lane, const int I, const int E) {
    Row x[2][TOGETHER];
    UNROLL for (int j = 0; j < I; j++) {
        UNROLL for (int e = 0; e < E; e++) x[j][e] = *row_of(in, (i + j) * E + e, lane);
    }
    for (int o = 0; o < outputs; o++) {
        Row d[TOGETHER];
        UNROLL for (int e = 0; e < E; e++) d[e] = *row_of(slope, o * E + e, lane);
        UNROLL for (int j = 0; j < I; j++) {
            Row *place = row_in(gradient, (i + j) * outputs + o, lane);
            Row sum = first ? (Row){0} : *place;
            UNROLL for (int e = 0; e < E; e++) sum = sum + x[j][e] * d[e];
            *place = sum;
        }
    }
}

INLINE void dense_gradient(V *gradient, V *bias_gradient, const V *in, const V *slope, int inputs,
                           int outputs, int first, const int E) {
    for (int lane = 0; lane < LANES; lane += ROW) {
        int i = 0;
        for (; i + 2 <= inputs; i += 2)
            gradient_tile(gradient, in, slope, outputs, first, i, lane, 2, E);
        if (i < inputs) gradient_tile(gradient, in, slope, outputs, first, i, lane, 1, E);
        for (int o = 0; bias_gradient && o < outputs; o++) {
            Row *place = row_in(bias_gradient, o, lane);
            Row sum = first ? (Row){0} : *place;
            UNROLL for (int e = 0; e < E; e++) sum = sum + *row_of(slope, o * E + e, lane);
            *place = sum;
        }
    }
}

#endif
