internal import CMicroKernels
internal import Kernels

/// The instructions the loops of this target are compiled for.
///
/// Each set decodes to the same bits; sums of products differ in the last ones.
enum InstructionSet: CaseIterable, Sendable {
  /// What every CPU of the architecture has.
  case portable
  /// AVX2 and F16C.
  case avx2
  /// AVX-512 F, BW, VL and DQ.
  case avx512

  /// Whether CPU and operating system run this set.
  var isSupported: Bool {
    switch self {
    case .portable: true
    case .avx2: lk_cpu_has_avx2_fma() != 0
    case .avx512: lk_cpu_has_avx2_fma() != 0 && lk_cpu_has_avx512() != 0
    }
  }

  /// The widest set this machine runs, looked up once.
  static let best: InstructionSet = allCases.last(where: \.isSupported) ?? .portable

  /// The set of `KernelPath.active`, for sums: they belong to the path that the process says it uses.
  static let active: InstructionSet = {
    switch KernelPath.active {
    case .baseline: .portable
    case .avx2: .avx2
    case .avx512: .avx512
    }
  }()
}

extension StorageType {
  /// `dequantize(_:count:into:)` with the instructions named, which the machine must support.
  func dequantize(
    _ source: UnsafeRawPointer, count: Int, into values: UnsafeMutablePointer<Float>,
    on instructions: InstructionSet
  ) {
    precondition(count >= 0 && count % blockElements == 0, "elements must be whole blocks")
    let type = Int32(ggufType)
    let count = Int64(count)
    switch instructions {
    #if arch(x86_64)
      case .avx512: lk_dequantize_avx512(type, source, 0, count, values)
      case .avx2: lk_dequantize_avx2(type, source, 0, count, values)
    #endif
    default: lk_dequantize_portable(type, source, 0, count, values)
    }
  }
}
