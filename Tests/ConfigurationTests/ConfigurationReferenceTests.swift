import Configuration
import Foundation
import TestSupport
import Testing

@Suite("The configuration's page") struct ConfigurationReferenceTests {
  @Test("docs/configuration.md is what the schema says; LORIKEET_UPDATE_REFERENCE=1 rewrites it")
  func pageIsCurrent() throws {
    let file = Fixture.repository.appendingPathComponent("docs/configuration.md")
    if ProcessInfo.processInfo.environment["LORIKEET_UPDATE_REFERENCE"] == "1" {
      try RunConfiguration.referenceMarkdown.write(to: file, atomically: true, encoding: .utf8)
    }
    #expect(try String(contentsOf: file, encoding: .utf8) == RunConfiguration.referenceMarkdown)
  }

  @Test("every key has one row, in the schema's order, below the heading of its section")
  func everyKeyHasARow() {
    var paths: [String] = []
    var section = ""
    for line in RunConfiguration.referenceMarkdown.split(separator: "\n") {
      if line.hasPrefix("## ") { section = String(line.dropFirst(3)) }
      let cells = Self.cells(line)
      guard cells.count == 4, cells[0].hasPrefix("`") else { continue }
      paths.append("\(section).\(cells[0].dropFirst().dropLast())")
    }
    let own = ComparisonConfiguration.schema.map(\.path).filter { $0.hasPrefix("compare.") }
    #expect(paths == RunConfiguration.schema.map(\.path) + own)
  }

  @Test("every row of a table has as many cells as its head")
  func tablesAreWhole() {
    var columns: Int?
    for line in RunConfiguration.referenceMarkdown.split(
      separator: "\n", omittingEmptySubsequences: false)
    {
      guard line.hasPrefix("|") else {
        columns = nil
        continue
      }
      let count = Self.cells(line).count
      #expect(count == columns ?? count, "\(line)")
      columns = count
    }
  }

  /// The cells of a table's row, without the escapes of bars within them.
  private static func cells(_ line: some StringProtocol) -> [String] {
    guard line.hasPrefix("| "), line.hasSuffix(" |") else { return [] }
    return line.dropFirst(2).dropLast(2).components(separatedBy: " | ")
  }
}
