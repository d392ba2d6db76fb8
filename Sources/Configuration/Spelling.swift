/// How near the spellings of two names are.
package enum Spelling {
  /// Which of `names` the writer of `name` may have meant; the first of equally near ones, nil if none is near.
  package static func nearest(to name: String, among names: [String]) -> String? {
    let written = String(name.prefix(80)).lowercased()
    let near = names.compactMap { candidate in
      smallDistance(written, candidate).map { (distance: $0, name: candidate) }
    }
    return near.min { $0.distance < $1.distance }?.name
  }

  /// The edit distance where it is so small that `candidate` may have been meant.
  static func smallDistance(_ written: String, _ candidate: String) -> Int? {
    let most = max(1, candidate.utf8.count / 4)
    // Each edit changes the length by one at most.
    guard abs(written.unicodeScalars.count - candidate.unicodeScalars.count) <= most else {
      return nil
    }
    let distance = Self.distance(written, candidate)
    return distance <= most ? distance : nil
  }

  /// The least number of characters to insert, delete, replace or swap with their neighbour.
  ///
  /// - SeeAlso: Damerau 1964, "A technique for computer detection and correction of spelling errors"
  ///   (the restricted form, in which no text is edited twice).
  static func distance(_ first: String, _ second: String) -> Int {
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
