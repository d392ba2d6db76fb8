internal import CBorrowedClosure

/// A job's closure, lent to the threads of a pool while its owner waits for them.
///
/// A step runs thousands of jobs, and a closure that may escape costs an allocation each: `withoutActuallyEscaping`
/// makes a box. This carries the closure's two words as a call passes them, so that its context stays where the owner
/// has it, on the stack.
struct BorrowedBody {
  private let words: lk_borrowed_closure

  /// Takes the words of a closure that outlives every call.
  init(_ body: (_ task: Int, _ worker: Int) -> Void) { words = borrow(body) }

  /// Calls the closure.
  @inline(__always)
  func callAsFunction(_ task: Int, _ worker: Int) {
    lk_call_borrowed(words, Int64(task), Int64(worker))
  }
}

@_silgen_name("lk_borrow_closure")
private func borrow(_ body: (_ task: Int, _ worker: Int) -> Void) -> lk_borrowed_closure
