import Serialization
import Testing

@Suite("JSON objects") struct JSONObjectTests {
  @Test("members keep their order and are found at every size", arguments: [0, 1, 8, 9, 17, 1000])
  func membersAreFound(_ count: Int) {
    var object = JSONObject()
    for index in 0..<count { object["key\(index)"] = .integer(index) }
    #expect(object.count == count)
    #expect(object.keys == (0..<count).map { "key\($0)" })
    #expect((0..<count).allSatisfy { object["key\($0)"] == .integer($0) })
    #expect(object["key\(count)"] == nil)
    #expect(object.map(\.value) == object.values)
  }

  @Test("replacing keeps the place, removing closes the gap", arguments: [3, 9, 40])
  func replacingAndRemoving(_ count: Int) {
    var object = JSONObject((0..<count).map { ("\($0)", .integer($0)) })
    object["1"] = "new"
    object["0"] = nil
    object["absent"] = nil
    #expect(object.keys == (1..<count).map(String.init))
    #expect(object["1"] == "new")
    #expect(object["0"] == nil)
    #expect(object["\(count - 1)"] == .integer(count - 1))
    object["0"] = 0
    #expect(object.keys.last == "0")
  }

  @Test("keys and strings are compared by bytes, not by canonical equivalence", arguments: [0, 20])
  func keysAreComparedByBytes(_ padding: Int) throws {
    let composed = "\u{E9}"
    let decomposed = "e\u{301}"
    #expect(composed == decomposed)
    var object = JSONObject((0..<padding).map { ("\($0)", nil) })
    object[composed] = 1
    object[decomposed] = 2
    #expect(object.count == padding + 2)
    #expect(object[composed] == 1)
    #expect(object[decomposed] == 2)
    #expect(JSONValue.string(composed) != JSONValue.string(decomposed))
    #expect(try JSON.parse("{\"\(composed)\": 1, \"\(decomposed)\": 2}").objectValue?.count == 2)
  }

  @Test("equality ignores the order of members and nothing else")
  func equalityIgnoresOrder() {
    let first: JSONObject = ["a": 1, "b": [2]]
    #expect(first == ["b": [2], "a": 1])
    #expect(first != ["a": 1])
    #expect(first != ["a": 1, "b": [2], "c": nil])
    #expect(first != ["a": 1, "b": [2.0]])
    #expect(first != ["a": 1, "c": [2]])
  }

  @Test("of two members with one key in a literal the later counts, at the place of the first")
  func laterCounts() {
    let object = JSONObject([("a", 1), ("b", 2), ("a", 3)])
    #expect(object.keys == ["a", "b"])
    #expect(object["a"] == 3)
  }

  @Test("accessors answer for their kind and for nothing else")
  func accessors() {
    #expect(JSONValue.integer(3).intValue == 3)
    #expect(JSONValue.number(16.0).intValue == 16)
    #expect(JSONValue.number(16.5).intValue == nil)
    #expect(JSONValue.number(1e300).intValue == nil)
    #expect(JSONValue.integer(3).doubleValue == 3)
    #expect(JSONValue.string("3").intValue == nil)
    #expect(JSONValue.null.isNull && !JSONValue.bool(false).isNull)
    #expect(JSONValue.bool(true).boolValue == true && JSONValue.integer(1).boolValue == nil)
    #expect(JSONValue.string("x").stringValue == "x" && JSONValue.null.stringValue == nil)
    #expect(JSONValue.array([1]).arrayValue == [1] && JSONValue.null.arrayValue == nil)
    #expect(JSONValue.object(["a": 1])["a"] == 1 && JSONValue.array([1])["a"] == nil)
  }
}
