/// Finds what the writer of an unknown key meant.
struct KeySuggestion<Configuration> {
  /// The keys that there are.
  let table: ConfigurationTable<Configuration>

  func error(forUnknown path: String, at place: ConfigurationPlace) -> ConfigurationError {
    // A key may be as long as a file; a name that is meant for one of ours is not.
    let shown = path.unicodeScalars.count > 80 ? String(path.unicodeScalars.prefix(80)) + "…" : path
    let name = shown.split(separator: ".").last.map(String.init) ?? shown
    // A name that is right and stands in the wrong section is no other tool's key.
    if !table.keys.contains(where: { $0.name == name }),
      let explanation = InapplicableKeys.explanation(for: name)
    {
      return .inapplicableKey(key: shown, explanation: "\(explanation); remove it", place: place)
    }
    if let nearest = nearest(to: shown, name: name) {
      return .unknownKey(key: shown, remedy: "did you mean \(nearest)?", place: place)
    }
    let isTopLevel = !shown.contains(".")
    let remedy =
      isTopLevel
      ? "the sections are \(table.topLevel)"
      : "\(table.reference) lists every key"
    return .unknownKey(key: shown, remedy: remedy, place: place)
  }

  /// A dotted key is for `--set`; accepted in a file, it could set one key twice.
  func error(forDotted path: String, at place: ConfigurationPlace) -> ConfigurationError {
    guard let key = table.key(path) else {
      return error(forUnknown: path, at: place)
    }
    return .unknownKey(
      key: path, remedy: "write \(key.name): inside \(key.section):", place: place)
  }

  /// The path nearest to `path`, or `nil` if none is near.
  func nearest(to path: String, name: String) -> String? {
    let section = String(path.dropLast(name.count + 1))
    var best: (distance: Int, path: String)?
    func consider(_ candidate: String, _ distance: Int) {
      if distance < best?.distance ?? .max { best = (distance, candidate) }
    }
    let written = name.lowercased()
    for key in table.keys {
      // Of two equally near keys, the one in the section where the writer was looking.
      let detour = key.section == section ? 0 : 1
      for candidate in [key.name] + key.otherNames {
        guard let distance = smallDistance(written, candidate) else { continue }
        consider(key.path, 2 * distance + detour)
      }
    }
    for section in table.sections {
      let sectionName = section.path.split(separator: ".").last.map(String.init) ?? ""
      guard let distance = smallDistance(written, sectionName) else { continue }
      consider(section.path, 2 * distance + 1)
    }
    return best?.path
  }

  /// The edit distance where it is so small that `candidate` may have been meant.
  private func smallDistance(_ written: String, _ candidate: String) -> Int? {
    let most = max(1, candidate.utf8.count / 4)
    // Each edit changes the length by one at most.
    guard abs(written.unicodeScalars.count - candidate.unicodeScalars.count) <= most else {
      return nil
    }
    let distance = editDistance(written, candidate)
    return distance <= most ? distance : nil
  }

  /// The least number of characters to insert, delete, replace or swap with their neighbour.
  ///
  /// - SeeAlso: Damerau 1964, "A technique for computer detection and correction of spelling errors"
  ///   (the restricted form, in which no text is edited twice).
  func editDistance(_ first: String, _ second: String) -> Int {
    let a = Array(first.unicodeScalars)
    let b = Array(second.unicodeScalars)
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var row = [i + 1]
      for (j, y) in b.enumerated() {
        var distance = min(last[j] + (x == y ? 0 : 1), last[j + 1] + 1, row[j] + 1)
        if i > 0, j > 0, x == b[j - 1], a[i - 1] == y {
          distance = min(distance, beforeLast[j - 1] + 1)
        }
        row.append(distance)
      }
      beforeLast = last
      last = row
    }
    return last[b.count]
  }
}
