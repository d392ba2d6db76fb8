internal import Foundation
internal import ModelFiles

/// Proves on the machine at hand that numbers, files and training are what they should be, with nothing but Lorikeet.
///
/// What needs another program to compare with is in the tests and in `docs/interop.md`.
public enum SelfTest {
  /// What a check found.
  public struct Result: Sendable, Equatable {
    /// What was checked, such as `gradients`.
    public let name: String
    /// What holds where the check passes, in a few words.
    public let claim: String
    /// What was measured, 0 for the best there is; nil where it could not be.
    public let measured: Double?
    /// The most that passes; 0 where bits are compared.
    public let bound: Double
    /// Why it could not be measured.
    public let failure: String?
    /// How long it took.
    public let seconds: Double

    /// Whether it passed.
    public var isPassed: Bool { measured.map { $0 <= bound } ?? false }
  }

  /// A check that can be run.
  struct Check {
    let name: String
    let claim: String
    let bound: Double
    /// Measures; the folder is empty and its own.
    let measure: (_ folder: String) throws -> Double
  }

  static var checks: [Check] { kernelChecks + modelChecks + trainingChecks + dataChecks }

  /// How many checks there are.
  public static var count: Int { checks.count }

  /// Runs every check.
  ///
  /// - Parameters:
  ///   - folder: where small files may be written; it must exist.
  ///   - listener: hears of each check that is done.
  public static func run(in folder: String, listener: (Result) -> Void) -> [Result] {
    checks.enumerated().map { index, check in
      let clock = ContinuousClock()
      let began = clock.now
      var measured: Double?
      var failure: String?
      let own = "\(folder)/\(index)"
      do {
        try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
        let value = try check.measure(own)
        // What is not a number has passed nothing.
        measured = value.isNaN ? .infinity : value
      } catch {
        failure = "\(error)"
      }
      let result = Result(
        name: check.name, claim: check.claim, measured: measured, bound: check.bound,
        failure: failure, seconds: (clock.now - began) / .seconds(1))
      listener(result)
      return result
    }
  }
}

/// Largest difference over the largest magnitude of `expected`.
func relativeError(_ values: [Float], _ expected: [Float]) -> Double {
  guard values.count == expected.count else { return .infinity }
  let largest = expected.reduce(Float.leastNormalMagnitude) { max($0, $1.magnitude) }
  var error: Float = 0
  for (a, b) in zip(values, expected) {
    guard a.isFinite, b.isFinite else { return .infinity }
    error = max(error, (a - b).magnitude)
  }
  return Double(error / largest)
}
