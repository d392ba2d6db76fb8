#ifndef LORIKEET_BORROWED_CLOSURE_H
#define LORIKEET_BORROWED_CLOSURE_H

#include <stdint.h>

/// The two words of a Swift closure of type `(Int, Int) -> Void`, lent while its owner waits.
typedef struct {
  void *code;
  void *context;
} lk_borrowed_closure;

/// Calls the closure with `task` and `worker`.
void lk_call_borrowed(lk_borrowed_closure closure, int64_t task, int64_t worker);

#endif
