/* Numbers that are computed from recorded ones: plain arithmetic, in float64. */
#ifndef QUIZSERVER_DERIVED_H
#define QUIZSERVER_DERIVED_H

#include "dense.h"

/* In the order of FUNCTIONS in quizserver/kernel/plan.py. */
enum Function { ADD, SUBTRACT, MULTIPLY, DIVIDE, AT_LEAST, AT_MOST, LOG, LOG10 };

/* A recorded number, or where ``place`` is below 0 the slot -1 - place. */
INLINE D operand(const Training *t, int place) {
    return place < 0 ? t->slots[-1 - place] : *(const D *)(t->outputs + place * t->output_stride);
}

/* A bound changes no NaN; a function of one number doesn't look at the second. */
WIDE_FUNCTION static D derive(int function, D a, D b) {
    switch (function) {
    case ADD: return a + b;
    case SUBTRACT: return a - b;
    case MULTIPLY: return a * b;
    case DIVIDE: return a / b;
    case AT_LEAST: return select_d(a < b, b, a);
    case AT_MOST: return select_d(a > b, b, a);
    case LOG: return log_d(a);
    default: return log_d(a) / 2.302585092994046;
    }
}

/* The operation DERIVE: function, operand, operand, output. */
static void record_derived(const Training *t, const Operation *o) {
    D a = operand(t, o->fields[1]), b = operand(t, o->fields[2]);
    record_wide(t, o->fields[3], derive(o->fields[0], a, b));
}

#endif
