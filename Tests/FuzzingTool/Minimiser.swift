#if os(Linux)
  import Fuzzing

  extension Worker {
    /// The smallest part of `bytes` found that still fails as they do.
    func minimised(_ bytes: [UInt8]) -> [UInt8] {
      guard let failure = fate(of: bytes) else { return bytes }
      var best = bytes
      var length = max(1, best.count / 2)
      while true {
        var start = 0
        var isSmaller = false
        while start < best.count {
          var candidate = best
          candidate.removeSubrange(start..<min(best.count, start + length))
          if fate(of: candidate) == failure {
            best = candidate
            isSmaller = true
          } else {
            start += length
          }
        }
        if length > 1 {
          length /= 2
        } else if !isSmaller {
          return best
        }
      }
    }
  }
#endif
