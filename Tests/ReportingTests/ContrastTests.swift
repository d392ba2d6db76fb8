import Foundation
import Testing

@testable import Reporting

@Suite("Contrast") struct ContrastTests {
  /// The colours and opacities that a scheme gives names to.
  typealias Scheme = [String: String]

  /// What is behind text and drawings.
  private static let grounds = ["ground", "card"]
  /// Separators and grid lines: nothing is told by them alone.
  private static let decoration: Set = ["line", "grid"]
  /// What a drawing or a border is coloured by.
  private static let drawn: Set = [
    "stroke", "fill", "border", "border-top", "border-bottom", "border-left", "background",
  ]

  @Test("of all text to its ground is at least 4.5, in each scheme")
  func text() throws {
    let rules = StyleRule.all(in: StyleSheet.text)
    var pairs = 0
    for (scheme, values) in try Self.schemes(rules) {
      for rule in rules where !rule.isRoot {
        guard let value = rule["color"] else { continue }
        for (name, contrast) in try Self.contrasts(value, opacity: rule["opacity"], values) {
          pairs += 1
          #expect(contrast >= 4.5, "\(scheme): \(rule.selector) \(name): \(contrast)")
        }
      }
    }
    #expect(pairs >= 3 * 2 * 10, "the sheet lost its colours, or the reader of it is broken")
  }

  @Test("of what is drawn to its ground is at least 3, in each scheme")
  func drawings() throws {
    let rules = StyleRule.all(in: StyleSheet.text)
    var pairs = 0
    for (scheme, values) in try Self.schemes(rules) {
      for rule in rules where !rule.isRoot {
        // An area may be pale where its outline is not.
        var best: [String: Double] = [:]
        for (property, value) in rule.declarations where Self.drawn.contains(property) {
          let opacity = rule["\(property)-opacity"] ?? rule["opacity"]
          for (name, contrast) in try Self.contrasts(value, opacity: opacity, values) {
            best[name] = max(best[name] ?? 0, contrast)
          }
        }
        for (name, contrast) in best {
          pairs += 1
          #expect(contrast >= 3, "\(scheme): \(rule.selector) \(name): \(contrast)")
        }
      }
    }
    #expect(pairs >= 3 * 2 * 6 * 4, "the sheet lost its drawings, or the reader of it is broken")
  }

  @Test("is known of every colour: each has a name, and what is pale only separates")
  func everyColorHasAName() {
    for rule in StyleRule.all(in: StyleSheet.text) where !rule.isRoot {
      for (property, value) in rule.declarations {
        #expect(!value.contains("#") && !value.contains("rgb("), "\(rule.selector): \(value)")
        guard Self.names(in: value).contains(where: Self.decoration.contains) else { continue }
        #expect(
          property.hasPrefix("border") || property == "background"
            || rule.selector == ".frame .rule,.frame .zero", "\(rule.selector): \(property)")
      }
    }
  }

  @Test("of text to the fullest tint of a table's cell is at least 4.5, in each scheme")
  func tintedCells() throws {
    for (scheme, values) in try Self.schemes(StyleRule.all(in: StyleSheet.text)) {
      func color(_ name: String) throws -> Color { try Color(try #require(values[name])) }
      let cell = try color("c0").over(try color("card"), opacity: ArmScores.fullestTint)
      #expect(try color("ink").contrast(to: cell) >= 4.5, "\(scheme)")
    }
  }

  @Test("is computed as WCAG does")
  func formula() throws {
    let (black, white) = (try Color("#000"), try Color("#ffffff"))
    #expect(abs(black.contrast(to: white) - 21) < 1e-9)
    #expect(abs(try Color("#777").contrast(to: white) - 4.478) < 1e-3)
    #expect(black.over(white, opacity: 0) == white)
  }

  // MARK: - Reading the sheet

  /// The names of light, dark and paper with their values.
  private static func schemes(_ rules: [StyleRule]) throws -> [(String, Scheme)] {
    func root(_ context: String) throws -> Scheme {
      let rule = try #require(rules.first { $0.isRoot && $0.context == context })
      let named = rule.declarations.filter { $0.property.hasPrefix("--") }
      return Scheme(
        uniqueKeysWithValues: named.map { (String($0.property.dropFirst(2)), $0.value) })
    }
    let light = try root("")
    func over(_ context: String) throws -> Scheme {
      light.merging(try root(context)) { $1 }
    }
    return [
      ("light", light), ("dark", try over("@media (prefers-color-scheme:dark)")),
      ("print", try over("@media print")),
    ]
  }

  /// The contrast of each colour that a value names to each ground.
  private static func contrasts(_ value: String, opacity: String?, _ scheme: Scheme) throws -> [(
    String, Double
  )] {
    let colors = names(in: value).flatMap { name in
      name == "tint" ? (0..<LineChart.tints).map { "c\($0)" } : [name]
    }
    let shown = try opacity.map { text in
      try #require(
        Double(text) ?? names(in: text).first.flatMap { scheme[$0] }.flatMap(Double.init))
    }
    var contrasts: [(String, Double)] = []
    for name in colors where !grounds.contains(name) && !decoration.contains(name) {
      let color = try Color(try #require(scheme[name], "\(name) is in no scheme"))
      for ground in grounds {
        let behind = try Color(try #require(scheme[ground]))
        contrasts.append(
          ("\(name) on \(ground)", color.over(behind, opacity: shown ?? 1).contrast(to: behind)))
      }
    }
    return contrasts
  }

  /// What `var(--…)` names in a value.
  private static func names(in value: String) -> [String] {
    value.split(separator: "var(--").dropFirst(value.hasPrefix("var(--") ? 0 : 1).map {
      String($0.prefix { $0 != ")" })
    }
  }
}

/// A colour, each channel from 0 to 1.
private struct Color: Equatable {
  var channels: [Double]

  /// Reads `#rgb` or `#rrggbb`.
  init(_ text: String) throws {
    var digits = Array(text.dropFirst())
    if digits.count == 3 { digits = digits.flatMap { [$0, $0] } }
    try #require(text.hasPrefix("#") && digits.count == 6, "\(text) is no colour")
    channels = try [0, 2, 4].map {
      Double(try #require(Int(String(digits[$0...($0 + 1)]), radix: 16))) / 255
    }
  }

  /// The colour laid over another.
  func over(_ other: Color, opacity: Double) -> Color {
    var mixed = self
    mixed.channels = zip(channels, other.channels).map { opacity * $0 + (1 - opacity) * $1 }
    return mixed
  }

  /// WCAG's ratio, (lighter + 0.05) / (darker + 0.05).
  func contrast(to other: Color) -> Double {
    let (a, b) = (luminance, other.luminance)
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)
  }

  private var luminance: Double {
    let linear = channels.map { $0 <= 0.04045 ? $0 / 12.92 : pow(($0 + 0.055) / 1.055, 2.4) }
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
  }
}

/// A rule of a style sheet.
private struct StyleRule {
  /// The `@` rules around it.
  let context: String
  let selector: String
  let declarations: [(property: String, value: String)]

  var isRoot: Bool { selector == ":root" }

  subscript(property: String) -> String? { declarations.last { $0.property == property }?.value }

  /// All rules of a sheet, in order.
  static func all(in sheet: String) -> [StyleRule] {
    var rules: [StyleRule] = []
    var contexts: [String] = []
    var text = ""
    for character in sheet where character != "\n" {
      switch character {
      case "{":
        contexts.append(text)
        text = ""
      case "}":
        guard let selector = contexts.popLast() else { break }
        if !selector.hasPrefix("@") {
          let pairs = text.split(separator: ";").map { declaration in
            let parts = declaration.split(separator: ":", maxSplits: 1).map(String.init)
            return (property: parts[0], value: parts.count > 1 ? parts[1] : "")
          }
          rules.append(
            StyleRule(
              context: contexts.joined(separator: " "), selector: selector, declarations: pairs))
        }
        text = ""
      default: text.append(character)
      }
    }
    return rules
  }
}
