#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What the operating system says about `code`, such as "No space left on device".
func systemErrorDescription(_ code: Int32 = errno) -> String {
  var buffer = [CChar](repeating: 0, count: 256)
  #if canImport(Glibc)
    guard let text = strerror_r(code, &buffer, buffer.count) else { return "error \(code)" }
    return String(cString: text)
  #else
    guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
    return buffer.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
  #endif
}
