#include "borrowed_closure.h"

// Swift's calling convention, as clang documents it (https://clang.llvm.org/docs/AttributeReference.html#swiftcall): a
// closure argument is passed as two words, its code and its context, and called with the context in a register of its
// own.

#define SWIFT_CALL __attribute__((swiftcall))
#define SWIFT_CONTEXT __attribute__((swift_context))

typedef SWIFT_CALL void (*body)(int64_t task, int64_t worker, SWIFT_CONTEXT void *context);

/// What Swift sees as `(_ body: (Int, Int) -> Void) -> lk_borrowed_closure`: the words of its argument.
SWIFT_CALL lk_borrowed_closure lk_borrow_closure(void *code, void *context);
SWIFT_CALL lk_borrowed_closure lk_borrow_closure(void *code, void *context) {
  return (lk_borrowed_closure){code, context};
}

void lk_call_borrowed(lk_borrowed_closure closure, int64_t task, int64_t worker) {
  ((body)closure.code)(task, worker, closure.context);
}
