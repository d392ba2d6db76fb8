/// The date and time that `strftime_now` tells a template: recorded, never the clock's.
///
/// A template that prints today's date would otherwise render the same conversation differently
/// tomorrow.
public struct TemplateDate: Sendable, Equatable {
  /// The year of the Gregorian calendar.
  public let year: Int
  /// 1 to 12.
  public let month: Int
  /// 1 to 31.
  public let day: Int
  /// 0 to 23.
  public let hour: Int
  /// 0 to 59.
  public let minute: Int
  /// 0 to 59.
  public let second: Int

  /// Makes a date, or `nil` if there is none of these numbers.
  public init?(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
    guard (1...9999).contains(year), (1...12).contains(month),
      (1...Self.days(in: month, year)).contains(day), (0...23).contains(hour),
      (0...59).contains(minute), (0...59).contains(second)
    else { return nil }
    (self.year, self.month, self.day) = (year, month, day)
    (self.hour, self.minute, self.second) = (hour, minute, second)
  }

  private static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
  ]
  private static let weekdays = [
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
  ]

  private static func isLeap(_ year: Int) -> Bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
  }

  private static func days(in month: Int, _ year: Int) -> Int {
    month == 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
  }

  /// The day of the year, from 1.
  private var dayOfYear: Int {
    (1..<month).reduce(day) { $0 + Self.days(in: $1, year) }
  }

  /// The day of the week, Sunday being 0.
  private var weekday: Int {
    let past = year - 1
    return (past * 365 + past / 4 - past / 100 + past / 400 + dayOfYear) % 7
  }

  /// Python's `strftime` in the C locale.
  func formatted(_ format: String) throws(TemplateFault) -> String {
    var result = String.UnicodeScalarView()
    var scalars = Array(format.unicodeScalars)[...]
    while let scalar = scalars.popFirst() {
      guard scalar == "%" else {
        result.append(scalar)
        continue
      }
      guard var directive = scalars.popFirst() else {
        result.append("%")
        break
      }
      // `%-d` is the GNU form without the leading zero.
      let isUnpadded = directive == "-"
      if isUnpadded {
        guard let next = scalars.popFirst() else { throw .unsupported("the date format '%-'") }
        directive = next
      }
      result.append(contentsOf: try text(of: directive, isUnpadded).unicodeScalars)
    }
    return String(result)
  }

  private func text(of directive: Unicode.Scalar, _ isUnpadded: Bool) throws(TemplateFault)
    -> String
  {
    func padded(_ value: Int, _ width: Int = 2, with fill: String = "0") -> String {
      let digits = String(value)
      if isUnpadded { return digits }
      return String(repeating: fill, count: max(0, width - digits.utf8.count)) + digits
    }
    let weekdayName = Self.weekdays[weekday]
    let monthName = Self.months[month - 1]
    let hour12 = hour % 12 == 0 ? 12 : hour % 12
    switch directive {
    case "d": return padded(day)
    case "e": return padded(day, with: " ")
    case "m": return padded(month)
    case "y": return padded(year % 100)
    case "Y": return String(year)
    case "C": return padded(year / 100)
    case "H": return padded(hour)
    case "I": return padded(hour12)
    case "M": return padded(minute)
    case "S": return padded(second)
    case "f": return "000000"
    case "j": return padded(dayOfYear, 3)
    case "p": return hour < 12 ? "AM" : "PM"
    case "a": return String(weekdayName.prefix(3))
    case "A": return weekdayName
    case "b", "h": return String(monthName.prefix(3))
    case "B": return monthName
    case "w": return String(weekday)
    case "u": return String(weekday == 0 ? 7 : weekday)
    case "U": return padded((dayOfYear + 6 - weekday) / 7)
    case "W": return padded((dayOfYear + 6 - (weekday + 6) % 7) / 7)
    case "F": return try formatted("%Y-%m-%d")
    case "T", "X": return try formatted("%H:%M:%S")
    case "R": return try formatted("%H:%M")
    case "D", "x": return try formatted("%m/%d/%y")
    case "r": return try formatted("%I:%M:%S %p")
    case "c": return try formatted("%a %b %e %H:%M:%S %Y")
    case "n": return "\n"
    case "t": return "\t"
    case "%": return "%"
    // A date without a zone has none to print.
    case "z", "Z": return ""
    default: throw .unsupported("the date format '%\(directive)'")
    }
  }
}
