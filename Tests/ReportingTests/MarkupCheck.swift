import Testing

/// What is wrong with a page, as far as a test can tell without a browser: an empty list for nothing.
func faults(in page: String) -> [String] {
  var faults: [String] = []
  var open: [String] = []
  var ids: Set<String> = []
  let voids: Set = ["!doctype", "meta", "wbr"]
  var rest = page[...]
  while let start = rest.firstIndex(of: "<") {
    guard let end = rest[start...].firstIndex(of: ">") else {
      faults.append("a tag without end")
      break
    }
    var tag = rest[rest.index(after: start)..<end]
    rest = rest[rest.index(after: end)...]
    if tag.filter({ $0 == "\"" }).count % 2 != 0 { faults.append("odd quotes: \(tag)") }
    if tag.hasPrefix("/") {
      let name = String(tag.dropFirst())
      if open.popLast() != name { faults.append("</\(name)> closes something else") }
      continue
    }
    let isClosed = tag.hasSuffix("/")
    if isClosed { tag = tag.dropLast() }
    let name = tag.prefix { $0 != " " && $0 != "\n" }.lowercased()
    if let id = attribute("id", of: tag), !ids.insert(id).inserted { faults.append("two \(id)") }
    if !isClosed, !voids.contains(name) { open.append(name) }
  }
  if !open.isEmpty { faults.append("left open: \(open)") }
  for forbidden in ["<script", "http:", "https:", "//", "javascript:", "@import", "url(", "NaN"]
  where page.contains(forbidden) {
    faults.append("has \(forbidden)")
  }
  for forbidden in ["inf", "nan", "-nan"] {
    for prefix in ["\"", "M", "L", " "] where page.contains("\(prefix)\(forbidden) ") {
      faults.append("has \(forbidden)")
    }
  }
  return faults
}

private func attribute(_ name: String, of tag: Substring) -> String? {
  guard let range = tag.firstRange(of: " \(name)=\"") else { return nil }
  return String(tag[range.upperBound...].prefix { $0 != "\"" })
}

/// The texts between `start` and the next `end`.
func pieces(_ page: String, from start: String, to end: String) -> [String] {
  page.split(separator: start).dropFirst().compactMap { rest in
    rest.firstRange(of: end).map { String(rest[..<$0.lowerBound]) }
  }
}
