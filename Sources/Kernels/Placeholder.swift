import CMicroKernels
public func hasAVX512() -> Bool { lk_cpu_has_avx512_vnni() != 0 }
