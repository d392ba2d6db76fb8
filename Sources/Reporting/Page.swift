/// A whole page: one file that needs nothing beside itself, no script and no network.
enum Page {
  /// Lays `body` out under a heading.
  ///
  /// - Parameters:
  ///   - refreshSeconds: how often a browser reads the file anew; nil: never.
  static func html(title: String, body: String, refreshSeconds: Int? = nil) -> String {
    let refresh = refreshSeconds.map { "\n<meta http-equiv=\"refresh\" content=\"\($0)\">" } ?? ""
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">\(refresh)
      <title>\(Markup.escaped(title))</title>
      <style>
      \(StyleSheet.text)
      </style>
      </head>
      <body>
      <main>
      \(body)</main>
      </body>
      </html>

      """
  }

  /// A number with a caption.
  struct Tile {
    let label: String
    let value: String
    var detail = ""
  }

  /// Tiles side by side.
  static func tiles(_ tiles: [Tile]) -> String {
    let items = tiles.map { tile in
      let detail = tile.detail.isEmpty ? "" : "<small>\(Markup.escaped(tile.detail))</small>"
      return
        "<div><dt>\(Markup.escaped(tile.label))</dt><dd>\(Markup.escaped(tile.value))\(detail)</dd></div>"
    }
    return "<dl class=\"tiles\">\(items.joined(separator: "\n"))</dl>\n"
  }

  /// A part of the page; nothing where it has no content.
  static func section(_ title: String, _ content: String) -> String {
    content.isEmpty ? "" : "<section>\n<h2>\(Markup.escaped(title))</h2>\n\(content)</section>\n"
  }

  /// Sentences that must not be overlooked.
  static func notes(_ notes: [String]) -> String {
    notes.map { "<p class=\"note\">\(Markup.escaped($0))</p>\n" }.joined()
  }
}
