import CMicroKernels

#if canImport(Glibc)
  import Glibc
#endif

/// Which instructions the numeric core uses, chosen once per process.
///
/// One binary carries all of them. `LORIKEET_KERNELS=baseline|avx2|avx512` asks for a lesser one than the CPU
/// offers, for tests and for comparing machines; a greater one is ignored.
public enum KernelPath: Int, Sendable, Comparable, CaseIterable, CustomStringConvertible {
  /// Any CPU: as compiled for the build's target.
  case baseline
  /// AVX2 with FMA and F16C.
  case avx2
  /// AVX-512 F, BW, VL and DQ.
  case avx512

  /// The best path that this CPU and operating system support.
  public static let best: KernelPath =
    lk_cpu_has_avx512() != 0 ? .avx512 : lk_cpu_has_avx2_fma() != 0 ? .avx2 : .baseline

  /// The path in use.
  public static let active: KernelPath = {
    guard let asked = getenv("LORIKEET_KERNELS").map({ String(cString: $0) }),
      let path = allCases.first(where: { $0.description == asked })
    else { return best }
    return min(path, best)
  }()

  /// The paths that run here, for tests that compare them.
  public static var available: [KernelPath] { allCases.filter { $0 <= best } }

  /// The name used by `LORIKEET_KERNELS` and in reports.
  public var description: String {
    switch self {
    case .baseline: "baseline"
    case .avx2: "avx2"
    case .avx512: "avx512"
    }
  }

  /// Orders paths by what they demand of the CPU.
  public static func < (lhs: KernelPath, rhs: KernelPath) -> Bool { lhs.rawValue < rhs.rawValue }
}
