/// Writes templates that parse, so that what they do at run time is reached.
struct FuzzGrammar {
  private static func list(_ text: String) -> [String] {
    text.split(separator: "¦").map(String.init)
  }

  private static let atoms = list(
    "'a'¦''¦'aXb<|im_end|>'¦'é😀\\n'¦0¦1¦-1¦2¦3.5¦1e300¦-0.0¦100000¦9223372036854775807¦"
      + "(-9223372036854775807 - 1)¦none¦true¦false¦[]¦[3, 1, 2]¦[1, 'a', none, 2.5, [1]]¦{}¦"
      + "{'a': 1, 'b': [2]}¦(1,)¦('a', 1)¦messages¦messages[0]¦messages[-1]¦messages[0].content¦"
      + "m¦m.content¦m['role']¦x¦ns.x¦ns¦loop¦loop.index¦loop.length¦loop.nextitem¦loop.previtem¦f¦"
      + "tools¦bos_token¦eos_token¦undefined_name¦range(5)¦range(0, -5, -1)¦range(5, 0, -2)¦"
      + "range(5, 6, 9223372036854775807)¦range(-9223372036854775807, 0, 9223372036854775807)¦"
      + "namespace(a=1)¦cycler(1, 2)¦joiner('-')¦dict(a=1)¦'x' * 1000¦[0] * 1000¦'%s|%5.1f|%x'¦"
      + "'%.*s'¦'%*d'¦'{:>5} {0.a[b]!r}'¦'{:,.2f}'¦'{'¦'1 2 3'¦'0x1F'¦' 12_3 '¦'inf'¦s¦l¦people¦n¦f"
  )

  private static let filters = list(
    "abs¦batch¦capitalize¦center¦count¦default¦dictsort¦escape¦first¦float¦forceescape¦format¦groupby¦"
      + "indent¦int¦items¦join¦last¦length¦list¦lower¦map¦max¦min¦reject¦rejectattr¦replace¦reverse¦"
      + "round¦safe¦select¦selectattr¦slice¦sort¦string¦sum¦title¦tojson¦trim¦truncate¦unique¦upper¦"
      + "wordcount¦attr")

  private static let methods = list(
    "strip¦lstrip¦rstrip¦split¦rsplit¦splitlines¦startswith¦endswith¦replace¦upper¦lower¦title¦"
      + "capitalize¦swapcase¦join¦find¦rfind¦index¦rindex¦count¦format¦isdigit¦isalpha¦istitle¦"
      + "isidentifier¦partition¦rpartition¦removeprefix¦removesuffix¦center¦ljust¦rjust¦zfill¦keys¦"
      + "values¦items¦get¦copy¦cycle¦changed¦next¦reset")

  private static let tests = list(
    "defined¦undefined¦none¦boolean¦integer¦float¦number¦string¦mapping¦sequence¦iterable¦callable¦odd¦"
      + "even¦lower¦upper¦escaped¦filter¦test¦true¦false")
  private static let comparingTests = list("divisibleby¦sameas¦in¦eq¦ne¦lt¦le¦gt¦ge¦==")
  private static let operators = list(
    " + ¦ - ¦ * ¦ / ¦ // ¦ % ¦ ** ¦ ~ ¦ == ¦ != ¦ < ¦ >= ¦ and ¦ or ¦ in ¦ not in ")
  private static let named = list(
    "attribute='role'¦attribute='content'¦reverse=true¦case_sensitive=true¦indent=2¦sort_keys=true¦"
      + "default=1¦base=16¦boolean=true¦first=true¦blank=true¦start=0¦by='value'¦fill_with='z'¦"
      + "method='floor'¦killwords=true¦end='.'¦leeway=0¦width=3¦separators=(',', ':')¦ensure_ascii=true"
  )

  private static func pick(_ list: [String], _ numbers: inout FuzzNumbers) -> String {
    list[numbers.below(list.count)]
  }

  /// An expression that nests at most so deep.
  static func expression(_ depth: Int, _ numbers: inout FuzzNumbers) -> String {
    guard depth > 0 else { return pick(atoms, &numbers) }
    func inner(_ numbers: inout FuzzNumbers) -> String { expression(depth - 1, &numbers) }
    func arguments(_ numbers: inout FuzzNumbers) -> String {
      var parts: [String] = []
      for _ in 0..<numbers.below(4) { parts.append(expression(min(depth - 1, 1), &numbers)) }
      if numbers.once(in: 4) { parts.append(pick(named, &numbers)) }
      return parts.joined(separator: ", ")
    }
    switch numbers.below(14) {
    case 0, 1, 2:
      let filter = pick(filters, &numbers)
      if filter == "map" || filter.hasPrefix("select") || filter.hasPrefix("reject") {
        let name = pick(filter == "map" ? filters : tests + comparingTests, &numbers)
        let by = filter.hasSuffix("attr") ? "'role', " : ""
        return "(\(inner(&numbers)) | \(filter)(\(by)'\(name)', \(inner(&numbers))) | list)"
      }
      return "(\(inner(&numbers)) | \(filter)(\(arguments(&numbers))))"
    case 3, 4:
      return "(\(inner(&numbers))).\(pick(methods, &numbers))(\(arguments(&numbers)))"
    case 5, 6, 7:
      return "(\(inner(&numbers))\(pick(operators, &numbers))\(inner(&numbers)))"
    case 8:
      return "(\(inner(&numbers)))[\(inner(&numbers))]"
    case 9:
      let step = numbers.once(in: 2) ? ":" + expression(0, &numbers) : ""
      return "(\(inner(&numbers)))[\(expression(0, &numbers)):\(expression(0, &numbers))\(step)]"
    case 10:
      return numbers.once(in: 2)
        ? "(\(inner(&numbers)) is \(pick(tests, &numbers)))"
        : "(\(inner(&numbers)) is \(pick(comparingTests, &numbers))(\(inner(&numbers))))"
    case 11:
      return "(\(inner(&numbers)) if \(inner(&numbers)) else \(inner(&numbers)))"
    case 12: return "[\(inner(&numbers)), \(inner(&numbers))]"
    default: return "{\(expression(0, &numbers)): \(inner(&numbers))}"
    }
  }

  /// Statements, with others inside them.
  static func statements(_ depth: Int, _ numbers: inout FuzzNumbers) -> String {
    var text = ""
    for _ in 0...numbers.below(3) { text += statement(depth, &numbers) }
    return text
  }

  private static func statement(_ depth: Int, _ numbers: inout FuzzNumbers) -> String {
    func value(_ numbers: inout FuzzNumbers) -> String {
      expression(numbers.below(4), &numbers)
    }
    func body(_ numbers: inout FuzzNumbers) -> String {
      depth > 0 ? statements(depth - 1, &numbers) : "t"
    }
    switch numbers.below(14) {
    case 0, 1, 2, 3: return "{{ \(value(&numbers)) }}"
    case 4: return "{% for m in messages %}\(body(&numbers)){% endfor %}"
    case 5: return "{% for x in \(value(&numbers)) %}\(body(&numbers)){% endfor %}"
    case 6:
      return "{% for x in \(value(&numbers)) if \(value(&numbers)) %}\(body(&numbers)){% endfor %}"
    case 7:
      return "{% if \(value(&numbers)) %}\(body(&numbers)){% else %}\(body(&numbers)){% endif %}"
    case 8: return "{% set x = \(value(&numbers)) %}"
    case 9:
      return "{% set ns = namespace(x=\(value(&numbers))) %}{% set ns.x = \(value(&numbers)) %}"
    case 10: return "{% set x %}\(body(&numbers)){% endset %}"
    case 11:
      return "{% macro f(a, b=\(value(&numbers))) %}\(body(&numbers)){% endmacro %}"
        + "{{ f(\(value(&numbers))) }}"
    case 12: return "{% generation %}\(body(&numbers)){% endgeneration %}"
    default:
      let count = numbers.once(in: 64) ? 100_000 : 1 + numbers.below(8)
      return "{% for i in range(\(count)) %}\(body(&numbers)){% endfor %}"
    }
  }
}
