import Serialization
import Testing

@Suite("Written JSON") struct JSONWriterTests {
  // The expectations are Python's `json.dumps(value, ensure_ascii=False)`.
  @Test(
    "a value is written as Python writes it",
    arguments: [
      (nil, "null"), (true, "true"), (.integer(.min), "-9223372036854775808"), ([], "[]"),
      ([:], "{}"), ([1, [2, "x"]], #"[1, [2, "x"]]"#),
      (["b": 1, "a": nil], #"{"b": 1, "a": null}"#),
      ("é🐦\u{7F}\u{2028}/", "\"é🐦\u{7F}\u{2028}/\""),
      ("\"\\\n\r\t\u{8}\u{C}\u{0}\u{1F}", #""\"\\\n\r\t\b\f\u0000\u001f""#),
      (0.1, "0.1"), (1.0, "1.0"), (-0.0, "-0.0"), (1e-05, "1e-05"), (0.0001, "0.0001"),
      (2e-4, "0.0002"), (1e15, "1000000000000000.0"), (1e16, "1e+16"), (1.5e16, "1.5e+16"),
      (-12_345_678_901_234_568.0, "-1.2345678901234568e+16"),
      (9_007_199_254_740_993.0, "9007199254740992.0"),
      (1.8e16, "1.8e+16"), (1.9e16, "1.9e+16"), (1e22, "1e+22"), (.number(.leastNonzeroMagnitude), "5e-324"),
      (1.7976931348623157e308, "1.7976931348623157e+308"),
      (.number(.nan), "null"), (.number(-.infinity), "null"),
    ] as [(JSONValue, String)])
  func valueIsWritten(_ value: JSONValue, _ expected: String) throws {
    #expect(value.serialized() == expected)
    if case .number(let number) = value, !number.isFinite { return }
    #expect(try JSON.parse(value.serialized()) == value)
    #expect(try JSON.parse(value.serialized(pretty: true)) == value)
  }

  @Test("pretty text is Python's indent=2")
  func prettyText() {
    let value: JSONValue = ["a": [1, ["b": []]], "c": [:], "d": ["é"]]
    #expect(
      value.serialized(pretty: true) == """
        {
          "a": [
            1,
            {
              "b": []
            }
          ],
          "c": {},
          "d": [
            "é"
          ]
        }
        """)
  }

  @Test("any double is read back to the same bits")
  func doublesRoundTrip() throws {
    var state: UInt64 = 42
    for _ in 0..<20_000 {
      // SplitMix64, so that a failure repeats.
      state &+= 0x9E37_79B9_7F4A_7C15
      var bits = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
      bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
      let value = Double(bitPattern: bits ^ (bits >> 31))
      guard value.isFinite else { continue }
      let read = try JSON.parse(JSONValue.number(value).serialized())
      #expect(read.doubleValue?.bitPattern == value.bitPattern)
    }
  }
}
