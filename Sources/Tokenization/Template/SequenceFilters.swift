/// Filters of lists and of whatever else can be gone through.
extension TemplateInterpreter {
  func applyToSequence(
    _ filter: TemplateFilter, _ value: TemplateValue, _ arguments: TemplateArguments, _ name: String
  ) throws(TemplateFault) -> TemplateValue {
    switch filter {
    case .first:
      try arguments.requireNone(of: name)
      return try value.makeIterator().next()
        ?? .undefined(.hint("No first item, sequence was empty."))
    case .last:
      try arguments.requireNone(of: name)
      if case .iterator = value { throw TemplateFault("'generator' object is not reversible") }
      if case .string(let text) = value, !text.isEmpty {
        return .string(text.slice(text.count - 1..<text.count))
      }
      return try value.elements().last ?? .undefined(.hint("No last item, sequence was empty."))
    case .list:
      try arguments.requireNone(of: name)
      return .list(try TemplateList(try value.elements()))
    case .items:
      try arguments.requireNone(of: name)
      if value.isUndefined { return .iterator(try .elements([], "generator", of: value)) }
      guard case .dictionary(let dictionary) = value else {
        throw TemplateFault("Can only get item pairs from a mapping.")
      }
      let pairs = try TemplateView(dictionary: dictionary, part: .items).items()
      return .iterator(try .elements(pairs, "generator", of: value))
    case .reverse:
      try arguments.requireNone(of: name)
      if case .string(let text) = value { return .string(text.reversed()) }
      let reversed = Array(try value.elements().reversed())
      if case .iterator = value { return .list(try TemplateList(reversed)) }
      return .iterator(try .elements(reversed, "list_reverseiterator", of: value))
    case .join: return .string(try joined(value, arguments, name))
    case .sum:
      let values = try arguments.bound(to: ["attribute", "start"], of: name)
      let attribute = try path(values[0])
      var total = values[1] ?? .integer(0)
      if case .string = total { throw TemplateFault("sum() can't sum strings") }
      let iterator = try value.makeIterator()
      while let item = try iterator.next() {
        total = try TemplateOperator.add.apply(total, try element(of: item, at: attribute))
        try charge(1 + total.storage)
      }
      return total
    case .min, .max: return try extreme(filter, value, arguments, name)
    case .unique: return try unique(value, arguments, name)
    case .sort: return try sorted(value, arguments, name)
    case .dictsort: return try sortedEntries(value, arguments, name)
    case .groupby: return try grouped(value, arguments, name)
    case .batch: return try batches(value, arguments, name)
    default: return try slices(value, arguments, name)
    }
  }

  // MARK: Paths to attributes

  /// The steps of a path such as `function.name` or `0.text`.
  private func path(_ attribute: TemplateValue?) throws(TemplateFault) -> [TemplateValue] {
    switch attribute {
    case nil, .null?: return []
    case .string(let text)?:
      return try text.split(at: TracedString("."), limit: .max).map { part in
        let isNumber = !part.isEmpty && part.glyphs.allSatisfy { (0x30...0x39).contains($0.scalar) }
        if isNumber, let index = Int(part.text) { return .integer(index) }
        return .string(part)
      }
    case .some(let value): return [value]
    }
  }

  private func element(
    of value: TemplateValue, at path: [TemplateValue], default fallback: TemplateValue? = nil
  ) throws(TemplateFault) -> TemplateValue {
    var value = value
    for step in path {
      value = try value.item(step)
      if let fallback, !fallback.isNull, value.isUndefined { value = fallback }
    }
    return value
  }

  private func foldingCase(_ value: TemplateValue) throws(TemplateFault) -> TemplateValue {
    guard case .string(let text) = value else { return value }
    try charge(text.count)
    return .string(text.lowercased())
  }

  // MARK: Reducing

  private func joined(
    _ value: TemplateValue, _ arguments: TemplateArguments, _ name: String
  ) throws(TemplateFault) -> TracedString {
    let values = try arguments.bound(to: ["d", "attribute"], of: name)
    let separator = try values[0]?.printed() ?? TracedString(glyphs: [])
    let attribute = try path(values[1])
    let iterator = try value.makeIterator()
    var result = TracedStringBuilder()
    var isFirst = true
    while let item = try iterator.next() {
      if !isFirst { try result.append(separator) }
      isFirst = false
      try result.append(try element(of: item, at: attribute).printed())
    }
    return result.string
  }

  private func extreme(
    _ filter: TemplateFilter, _ value: TemplateValue, _ arguments: TemplateArguments, _ name: String
  ) throws(TemplateFault) -> TemplateValue {
    let values = try arguments.bound(to: ["case_sensitive", "attribute"], of: name)
    let attribute = try path(values[1])
    var best: (value: TemplateValue, key: TemplateValue)?
    let iterator = try value.makeIterator()
    while let item = try iterator.next() {
      var key = try element(of: item, at: attribute)
      if !values[0].isTrue() { key = try foldingCase(key) }
      guard let current = best else {
        best = (item, key)
        continue
      }
      try charge(key.weight)
      let isBetter =
        filter == .min
        ? try key.isLess(than: current.key) : try current.key.isLess(than: key, .greater)
      if isBetter { best = (item, key) }
    }
    return best?.value ?? .undefined(.hint("No aggregated item, sequence was empty."))
  }

  // MARK: Ordering

  private func sorted(
    _ value: TemplateValue, _ arguments: TemplateArguments, _ name: String
  ) throws(TemplateFault) -> TemplateValue {
    let values = try arguments.bound(to: ["reverse", "case_sensitive", "attribute"], of: name)
    var paths: [[TemplateValue]] = []
    if case .string(let text)? = values[2] {
      for part in try text.split(at: TracedString(","), limit: .max) {
        paths.append(try path(.string(part)))
      }
    } else {
      paths = [try path(values[2])]
    }
    return .list(
      try TemplateList(
        try sorted(try value.elements(), isReversed: values[0].isTrue()) {
          (item) throws(TemplateFault) in
          var keys: [TemplateValue] = []
          for path in paths {
            let key = try self.element(of: item, at: path)
            keys.append(values[1].isTrue() ? key : try self.foldingCase(key))
          }
          return .list(try TemplateList(keys))
        }))
  }

  private func sorted(
    _ items: [TemplateValue], isReversed: Bool = false,
    by key: (TemplateValue) throws(TemplateFault) -> TemplateValue
  ) throws(TemplateFault) -> [TemplateValue] {
    var keyed: [(key: TemplateValue, item: TemplateValue)] = []
    for item in items { keyed.append((try key(item), item)) }
    return try keyed.sortedStably { (a, b) throws(TemplateFault) in
      try charge(a.key.weight)
      return isReversed ? try b.key.isLess(than: a.key) : try a.key.isLess(than: b.key)
    }.map(\.item)
  }

  private func sortedEntries(
    _ value: TemplateValue, _ arguments: TemplateArguments, _ name: String
  ) throws(TemplateFault) -> TemplateValue {
    let values = try arguments.bound(to: ["case_sensitive", "by", "reverse"], of: name)
    let by = try values[1].string("by")?.text ?? "key"
    guard by == "key" || by == "value" else {
      throw TemplateFault("You can only sort by either \"key\" or \"value\"")
    }
    if case .undefined(let reason) = value { throw reason.fault }
    guard case .dictionary(let dictionary) = value else {
      throw TemplateFault("'\(value.typeName)' object has no attribute 'items'")
    }
    let pairs = try TemplateView(dictionary: dictionary, part: .items).items()
    return .list(
      try TemplateList(
        try sorted(pairs, isReversed: values[2].isTrue()) { (pair) throws(TemplateFault) in
          let key = try pair.item(.integer(by == "key" ? 0 : 1))
          return values[0].isTrue() ? key : try self.foldingCase(key)
        }))
  }

  private func grouped(
    _ value: TemplateValue, _ arguments: TemplateArguments, _ name: String
  ) throws(TemplateFault) -> TemplateValue {
    let values = try arguments.bound(
      to: ["attribute", "default", "case_sensitive"], required: 1, of: name)
    let attribute = try path(values[0])
    let key: (TemplateValue) throws(TemplateFault) -> TemplateValue = {
      (item) throws(TemplateFault) in
      let key = try self.element(of: item, at: attribute, default: values[1])
      return values[2].isTrue() ? key : try self.foldingCase(key)
    }
    var groups: [(key: TemplateValue, items: [TemplateValue])] = []
    for item in try sorted(try value.elements(), by: key) {
      let itemKey = try key(item)
      try charge(itemKey.weight)
      if let last = groups.last, last.key.equals(itemKey) {
        groups[groups.count - 1].items.append(item)
      } else {
        groups.append((itemKey, [item]))
      }
    }
    var result: [TemplateValue] = []
    for group in groups {
      let name = try element(of: group.items[0], at: attribute, default: values[1])
      result.append(
        .tuple(
          try TemplateList(
            [name, .list(try TemplateList(group.items))], fieldNames: ["grouper", "list"])))
    }
    return .list(try TemplateList(result))
  }

  private func unique(
    _ value: TemplateValue, _ arguments: TemplateArguments, _ name: String
  ) throws(TemplateFault) -> TemplateValue {
    let values = try arguments.bound(to: ["case_sensitive", "attribute"], of: name)
    let attribute = try path(values[1])
    let source = try value.makeIterator()
    var seen: Set<TemplateKey> = []
    return .iterator(
      try TemplateIterator("generator", over: value) { [unowned self] () throws(TemplateFault) in
        while let item = try source.next() {
          let key = try element(of: item, at: attribute)
          try charge(key.weight + TemplateValue.weightOfMember)
          if seen.insert(try TemplateKey(values[0].isTrue() ? key : try foldingCase(key))).inserted
          {
            return item
          }
        }
        return nil
      })
  }

  // MARK: Portions

  private func batches(
    _ value: TemplateValue, _ arguments: TemplateArguments, _ name: String
  ) throws(TemplateFault) -> TemplateValue {
    let values = try arguments.bound(to: ["linecount", "fill_with"], required: 1, of: name)
    let size = try values[0].integer(or: 1, "linecount")
    guard size <= TemplateLimits.longestList else {
      throw .limit("\(TemplateLimits.longestList) elements in one list")
    }
    let items = try value.elements()
    try charge(TemplateValue.weightOfMember * items.count)
    var result: [TemplateValue] = []
    // A size below one never fills up, as in Jinja, where an empty batch of size zero is full at
    // once.
    if size == 0, !items.isEmpty { result.append(.list(try TemplateList([]))) }
    let stride = size > 0 ? size : max(1, items.count)
    var start = 0
    while start < items.count {
      var batch = Array(items[start..<min(start + stride, items.count)])
      if let fill = values[1], !fill.isNull {
        batch += Array(repeating: fill, count: max(0, max(0, size) - batch.count))
      }
      result.append(.list(try TemplateList(batch)))
      start += stride
    }
    return .iterator(try .elements(result, "generator", of: .list(try TemplateList(result))))
  }

  private func slices(
    _ value: TemplateValue, _ arguments: TemplateArguments, _ name: String
  ) throws(TemplateFault) -> TemplateValue {
    let values = try arguments.bound(to: ["slices", "fill_with"], required: 1, of: name)
    let count = try values[0].integer(or: 1, "slices")
    guard count != 0 else { throw TemplateFault("integer division or modulo by zero") }
    guard count <= TemplateLimits.longestList else {
      throw .limit("\(TemplateLimits.longestList) elements in one list")
    }
    let items = try value.elements()
    var result: [TemplateValue] = []
    var start = 0
    for index in 0..<max(0, count) {
      let isLonger = index < items.count % count
      let end = start + items.count / count + (isLonger ? 1 : 0)
      var slice = Array(items[start..<end])
      if let fill = values[1], !fill.isNull, !isLonger { slice.append(fill) }
      result.append(.list(try TemplateList(slice)))
      start = end
    }
    return .iterator(try .elements(result, "generator", of: .list(try TemplateList(result))))
  }

  // MARK: Mapping and selecting

  /// `map`, `select` and their like, which look at each item when it is asked for.
  func lazily(
    _ filter: TemplateFilter, _ value: TemplateValue, _ arguments: TemplateArguments
  ) throws(TemplateFault) -> TemplateValue {
    guard value.isTrue else { return .iterator(try .elements([], "generator", of: value)) }
    var transform: ((TemplateValue) throws(TemplateFault) -> TemplateValue?)?
    var source: TemplateIterator?
    return .iterator(
      try TemplateIterator("generator", over: value) { [unowned self] () throws(TemplateFault) in
        // Jinja finds fault with the arguments only once the first item is asked for.
        let change =
          if let transform { transform } else { try transformation(filter, arguments) }
        transform = change
        let items = if let source { source } else { try value.makeIterator() }
        source = items
        while let item = try items.next() {
          let changed = try step { () throws(TemplateFault) in try change(item) }
          if let changed { return changed }
        }
        return nil
      })
  }

  /// What a filter makes of an item; `nil` leaves it out.
  private func transformation(
    _ filter: TemplateFilter, _ arguments: TemplateArguments
  ) throws(TemplateFault) -> (TemplateValue) throws(TemplateFault) -> TemplateValue? {
    filter == .map ? try mapping(arguments) : try selection(filter, arguments)
  }

  private func mapping(
    _ arguments: TemplateArguments
  ) throws(TemplateFault) -> (TemplateValue) throws(TemplateFault) -> TemplateValue? {
    var rest = arguments
    if arguments.positional.isEmpty,
      let index = rest.named.firstIndex(where: { $0.name == "attribute" })
    {
      let attribute = try path(rest.named.remove(at: index).value)
      var fallback: TemplateValue?
      if let index = rest.named.firstIndex(where: { $0.name == "default" }) {
        fallback = rest.named.remove(at: index).value
      }
      if let (name, _) = rest.named.first {
        throw TemplateFault("Unexpected keyword argument '\(name)'")
      }
      return { [unowned self] (item) throws(TemplateFault) in
        try element(of: item, at: attribute, default: fallback)
      }
    }
    guard !rest.positional.isEmpty else { throw TemplateFault("map requires a filter argument") }
    let name = try Optional(rest.positional.removeFirst()).requiredString("name").text
    guard let filter = TemplateFilter(rawValue: name) else { throw TemplateFilter.unknown(name) }
    let arguments = rest
    return { [unowned self] (item) throws(TemplateFault) in
      try charge(filter.cost(of: item))
      let result = try apply(filter, to: item, arguments)
      try charge(result.storage)
      return result
    }
  }

  private func selection(
    _ filter: TemplateFilter, _ arguments: TemplateArguments
  ) throws(TemplateFault) -> (TemplateValue) throws(TemplateFault) -> TemplateValue? {
    var rest = arguments
    var attribute: [TemplateValue] = []
    if filter == .selectattr || filter == .rejectattr {
      guard !rest.positional.isEmpty else {
        throw TemplateFault("Missing parameter for attribute name")
      }
      attribute = try path(rest.positional.removeFirst())
    }
    let isSelected = filter == .select || filter == .selectattr
    let steps = attribute
    guard !rest.positional.isEmpty else {
      return { [unowned self] (item) throws(TemplateFault) in
        try element(of: item, at: steps).isTrue == isSelected ? item : nil
      }
    }
    let name = try Optional(rest.positional.removeFirst()).requiredString("name").text
    guard let test = TemplateTest(rawValue: name) else { throw TemplateTest.unknown(name) }
    let arguments = rest
    return { [unowned self] (item) throws(TemplateFault) in
      let value = try element(of: item, at: steps)
      return try passes(value, test, arguments) == isSelected ? item : nil
    }
  }
}
