internal import CMicroKernels
internal import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// The one owner of the cores.
///
/// Work comes as numbered tasks whose borders do not depend on the number of threads; whoever is free takes the
/// next. Every task writes results of its own, and reductions across tasks are made in task order by the caller, so
/// one thread and sixteen give the same bits. Tasks never start tasks.
public enum Parallel {
  /// Most threads that may be asked for.
  public static let maximumThreads = 256

  private static let pool = WorkerPool()

  /// Threads in use, the caller's included.
  public static var threads: Int {
    get { pool.threads }
    set { pool.resize(to: max(1, min(newValue, maximumThreads))) }
  }

  /// Cores this process may run on: its affinity mask, further limited by its control group's quota.
  public static var availableCores: Int {
    let affinity = Int(lk_affinity_count())
    var cores = affinity > 0 ? affinity : Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    if let quota = cgroupQuota() { cores = min(cores, max(1, Int(quota.rounded(.up)))) }
    return max(1, cores)
  }

  /// Runs `body(task, worker)` for each task in `0..<tasks` and returns when all are done.
  ///
  /// `worker` is below `threads` and names the thread, for scratch memory; results must not depend on it.
  public static func run(_ tasks: Int, _ body: (_ task: Int, _ worker: Int) -> Void) {
    let before = lk_flush_denormals()
    defer { lk_restore_denormals(before) }
    guard tasks > 1, pool.threads > 1 else {
      for task in 0..<max(0, tasks) { body(task, 0) }
      return
    }
    pool.run(tasks, body)
  }

  /// Runs `body(task, scratch)` for each task in `0..<tasks`, with `scratchCount` floats of a worker's own to write on.
  ///
  /// The scratch memory is kept between calls, so a step allocates nothing; what it holds at first is undefined.
  public static func run(
    _ tasks: Int, scratchCount: Int,
    _ body: (_ task: Int, _ scratch: UnsafeMutablePointer<Float>) -> Void
  ) {
    let before = lk_flush_denormals()
    defer { lk_restore_denormals(before) }
    pool.run(tasks, scratchCount: scratchCount, body)
  }

  /// Runs `body(rows, worker)` over `0..<rows` in blocks of `block` rows.
  public static func rows(
    _ rows: Int, block: Int, _ body: (_ rows: Range<Int>, _ worker: Int) -> Void
  ) {
    run((rows + block - 1) / block) { task, worker in
      body(task * block..<min(rows, (task + 1) * block), worker)
    }
  }

  /// The CPU quota of control group v2 or v1 in cores, where one is set.
  private static func cgroupQuota() -> Double? {
    func words(_ path: String) -> [Double]? {
      guard let file = fopen(path, "r") else { return nil }
      defer { fclose(file) }
      var buffer = [CChar](repeating: 0, count: 128)
      guard fgets(&buffer, 127, file) != nil else { return nil }
      let text = buffer.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }
      return String(decoding: text, as: UTF8.self).split(separator: " ").compactMap { Double($0) }
    }
    if let v2 = words("/sys/fs/cgroup/cpu.max"), v2.count == 2, v2[1] > 0 { return v2[0] / v2[1] }
    if let quota = words("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")?.first, quota > 0,
      let period = words("/sys/fs/cgroup/cpu/cpu.cfs_period_us")?.first, period > 0
    {
      return quota / period
    }
    return nil
  }
}

/// A pool of sleeping threads.
///
/// One job runs at a time; callers on other threads wait their turn.
///
/// Unchecked: `body` and `tasks` are written before a job's generation is published, and read by workers only after
/// they saw that generation; nothing is written again before all have said that they are done.
private final class WorkerPool: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let finished = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let turn = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let next = Atomic<Int>(0)
  private let running = Atomic<Int>(0)
  private let published = Atomic<Int>(0)
  private let sleeping = Atomic<Int>(0)
  private var started = 1
  private let wanted = Atomic<Int>(1)
  private var tasks = 0
  private var body: BorrowedBody?
  // One buffer per thread, guarded by `turn`.
  private var scratch: [FloatBuffer] = []

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_mutex_init(turn, nil)
    pthread_cond_init(wake, nil)
    pthread_cond_init(finished, nil)
    resize(to: Parallel.availableCores)
  }

  var threads: Int { wanted.load(ordering: .relaxed) }

  func resize(to count: Int) {
    pthread_mutex_lock(turn)
    defer { pthread_mutex_unlock(turn) }
    wanted.store(count, ordering: .relaxed)
    while started < count {
      let worker = started
      started += 1
      let seen = published.load(ordering: .acquiring)
      let start = Start(pool: self, worker: worker, generation: seen)
      var thread = pthread_t()
      let status = pthread_create(
        &thread, nil,
        { argument in
          guard let argument else { return nil }
          let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
          start.pool.work(as: start.worker, after: start.generation)
          return nil
        }, Unmanaged.passRetained(start).toOpaque())
      if status != 0 {
        started -= 1
        wanted.store(started, ordering: .relaxed)
        return
      }
      pthread_detach(thread)
    }
  }

  private final class Start {
    let pool: WorkerPool
    let worker: Int
    let generation: Int
    init(pool: WorkerPool, worker: Int, generation: Int) {
      self.pool = pool
      self.worker = worker
      self.generation = generation
    }
  }

  func run(_ count: Int, scratchCount: Int, _ body: (Int, UnsafeMutablePointer<Float>) -> Void) {
    pthread_mutex_lock(turn)
    defer { pthread_mutex_unlock(turn) }
    if scratch.count < started || (scratch.first?.count ?? 0) < scratchCount {
      let size = max(scratchCount, scratch.first?.count ?? 0)
      scratch = (0..<started).map { _ in FloatBuffer(count: size) }
    }
    let scratch = self.scratch
    distribute(count) { task, worker in body(task, scratch[worker].base) }
  }

  func run(_ count: Int, _ body: (Int, Int) -> Void) {
    pthread_mutex_lock(turn)
    defer { pthread_mutex_unlock(turn) }
    distribute(count, body)
  }

  /// Looks for a while, since sleeping and being woken takes longer than most waits; not at all where threads outnumber
  /// cores and the one waited for may need this one's, and hardly where other programs have lately kept it waiting: who
  /// looks then holds a core that the thread it waits for could have.
  ///
  /// - Returns: whether `condition` came true.
  @inline(__always)
  private func looks(for condition: () -> Bool) -> Bool {
    if condition() { return true }
    guard threads <= Self.cores else { return false }
    let patience = self.patience.load(ordering: .relaxed)
    let end = lk_nanoseconds() + patience
    repeat {
      for _ in 0..<32 {
        lk_pause()
        if condition() {
          // Threads race here, and may: a lost update is one wait more of the old length.
          let longer = min(patience + Self.longestPatience / 32, Self.longestPatience)
          if longer != patience { self.patience.store(longer, ordering: .relaxed) }
          return true
        }
      }
    } while lk_nanoseconds() < end
    self.patience.store(max(patience / 2, Self.leastPatience), ordering: .relaxed)
    return false
  }

  /// Nanoseconds to look for work before sleeping.
  ///
  /// Halved by each wait in vain and grown by a thirty-second of the most by each other: it stays at the most while fewer
  /// than one wait in seventeen is in vain, and falls where other programs keep the cores busy.
  private let patience = Atomic<Int64>(longestPatience)
  /// Beyond the stretches that one thread runs alone in a step.
  private static let longestPatience: Int64 = 200_000
  private static let leastPatience: Int64 = 2_000
  private static let cores = Parallel.availableCores

  /// Deals tasks out; the caller holds `turn`.
  private func distribute(_ count: Int, _ body: (Int, Int) -> Void) {
    guard count > 1, threads > 1 else {
      for task in 0..<max(0, count) { body(task, 0) }
      return
    }
    // Lent until `running` is 0: no worker touches it afterwards.
    self.body = BorrowedBody(body)
    tasks = count
    next.store(0, ordering: .relaxed)
    running.store(started - 1, ordering: .relaxed)
    published.add(1, ordering: .sequentiallyConsistent)
    // Whoever is about to sleep has either counted itself before this load, or sees the new job before it waits.
    if sleeping.load(ordering: .sequentiallyConsistent) > 0 {
      pthread_mutex_lock(mutex)
      pthread_cond_broadcast(wake)
      pthread_mutex_unlock(mutex)
    }

    while true {
      let task = next.add(1, ordering: .relaxed).oldValue
      if task >= count { break }
      body(task, 0)
    }

    // The others finish within a task's length of each other.
    if !looks(for: { running.load(ordering: .acquiring) == 0 }) {
      pthread_mutex_lock(mutex)
      while running.load(ordering: .acquiring) > 0 { pthread_cond_wait(finished, mutex) }
      pthread_mutex_unlock(mutex)
    }
    self.body = nil
  }

  /// Takes tasks of the published job.
  private func participate(as worker: Int) {
    guard let body else { return }
    let count = tasks
    while true {
      let task = next.add(1, ordering: .relaxed).oldValue
      if task >= count { return }
      body(task, worker)
    }
  }

  private func work(as worker: Int, after generation: Int) {
    _ = lk_flush_denormals()
    var seen = generation
    while true {
      if !looks(for: { published.load(ordering: .acquiring) != seen }) {
        pthread_mutex_lock(mutex)
        sleeping.add(1, ordering: .sequentiallyConsistent)
        while published.load(ordering: .sequentiallyConsistent) == seen {
          pthread_cond_wait(wake, mutex)
        }
        sleeping.subtract(1, ordering: .sequentiallyConsistent)
        pthread_mutex_unlock(mutex)
      }
      seen = published.load(ordering: .acquiring)
      if worker < threads { participate(as: worker) }
      if running.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 {
        pthread_mutex_lock(mutex)
        pthread_cond_signal(finished)
        pthread_mutex_unlock(mutex)
      }
    }
  }
}
