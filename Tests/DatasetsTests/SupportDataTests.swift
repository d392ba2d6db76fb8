import Foundation
import Serialization
import Testing

@Suite("The support tickets in data/support") struct SupportDataTests {
  static let intents: Set<String> = [
    "delivery", "defect", "wrong_item", "return", "cancel", "address", "invoice",
  ]

  @Test("have at least 600 training, 100 validation and 200 test rows")
  func areEnough() throws {
    #expect(try SupportData.rows("train").count >= 600)
    #expect(try SupportData.rows("valid").count >= 100)
    #expect(try SupportData.rows("test").count >= 200)
  }

  @Test("answer with one compact JSON object in fixed key order", arguments: SupportData.splits)
  func answersAreCanonical(_ split: String) throws {
    for row in try SupportData.rows(split) {
      #expect(row.ticket.keys == ["intent", "product", "order", "urgency", "refund"])
      #expect(
        row.answer
          == JSONValue.object(row.ticket).serialized().replacing("\": ", with: "\":")
          .replacing(", \"", with: ",\""))
      #expect(Self.intents.contains(row.ticket["intent"]?.stringValue ?? ""))
      #expect(["high", "normal", "low"].contains(row.ticket["urgency"]?.stringValue))
      #expect(row.ticket["refund"]?.boolValue != nil)
      #expect(row.order.map { (10_000...99_999).contains($0) } ?? (row.ticket["order"] == .null))
      #expect(row.system == "Write the ticket.")
    }
  }

  @Test("name the product once and the order once, or no order", arguments: SupportData.splits)
  func copiedFieldsAreInTheMessage(_ split: String) throws {
    for row in try SupportData.rows(split) {
      let message = row.message.lowercased()
      #expect(message.components(separatedBy: row.product).count == 2, "\(message)")
      let numbers = SupportData.words(message).filter {
        $0.count == 5 && $0.allSatisfy(\.isNumber)
      }
      if let order = row.order {
        #expect(numbers.filter { $0 == String(order) }.count == 1, "\(message)")
      }
      // The one other number of five digits is the post code of a new address.
      let others = numbers.filter { Int($0) != row.order }
      #expect(others.isEmpty || (row.ticket["intent"] == "address" && others.count == 1))
    }
  }

  @Test("give each field the value its clause decides", arguments: SupportData.splits)
  func fieldsFollowTheClauses(_ split: String) throws {
    let clauses = try SupportData.clauses(split)
    var recognised = 0
    let rows = try SupportData.rows(split)
    for row in rows {
      let message = " " + row.skeleton.joined(separator: " ") + " "
      var found = ["urgency": JSONValue.string("normal"), "refund": false]
      for (skeleton, field, value) in clauses
      where message.contains(" " + skeleton.joined(separator: " ") + " ") {
        #expect(row.ticket[field] == value, "\(field) in: \(row.message)")
        found[field] = value
      }
      if found.allSatisfy({ row.ticket[$0.key] == $0.value }) && found["intent"] != nil {
        recognised += 1
      }
    }
    // Misspellings hide the clauses of the rest.
    #expect(recognised * 2 > rows.count, "\(recognised) of \(rows.count) rows recognised")
  }

  @Test("share no product, product word, order number or message between training and test")
  func copiedValuesAreDisjoint() throws {
    let train = try SupportData.rows("train")
    let valid = try SupportData.rows("valid")
    let test = try SupportData.rows("test")
    for held in [valid, test] {
      func words(_ rows: [SupportRow]) -> Set<Substring> {
        Set(rows.flatMap { $0.product.split(separator: " ") })
      }
      #expect(words(train).isDisjoint(with: words(held)))
      #expect(Set(train.map(\.message)).isDisjoint(with: held.map(\.message)))
    }
    #expect(Set(valid.map(\.product)).isDisjoint(with: test.map(\.product)))
    let orders = (train + valid + test).compactMap(\.order)
    #expect(Set(orders).count == orders.count)
  }

  @Test("share no phrasing between the splits, nor five consecutive words of one")
  func phrasingsAreDisjoint() throws {
    var owner: [[String]: String] = [:]
    for split in SupportData.splits {
      let bank = try SupportData.phrasings(split)
      var lists = bank.members.filter { !["intents", "names", "products"].contains($0.key) }
      lists += try #require(bank["intents"]?.objectValue).members
      for list in lists {
        for phrase in try #require(list.value.arrayValue).compactMap(\.stringValue) {
          let skeleton = SupportData.skeleton(phrase)
          for run in SupportData.runs(of: min(5, skeleton.count), in: skeleton)
          where run.count == 5 || run == skeleton {
            // A phrasing of fewer words may well be part of a longer one.
            #expect(owner[run, default: split] == split, "\(phrase)")
            owner[run] = split
          }
        }
      }
    }
  }

  @Test("repeat no six words of a training message in a test message, product and numbers masked")
  func wordRunsAreDisjoint() throws {
    func runs(_ rows: [SupportRow]) -> Set<[String]> {
      Set(rows.flatMap { SupportData.runs(of: 6, in: $0.skeleton) })
    }
    let train = runs(try SupportData.rows("train"))
    for split in ["valid", "test"] {
      let shared = train.intersection(runs(try SupportData.rows(split)))
      #expect(shared.isEmpty, "\(shared)")
    }
  }

  @Test("are not solved by copying the answer of the nearest training message")
  func copyingIsNotEnough() throws {
    let test = try SupportData.rows("test")
    let neighbours = NearestMessage(try SupportData.rows("train"))
    let jaccard = test.count { neighbours.byJaccard($0.message).answer == $0.answer }
    let cosine = test.count { neighbours.byCosine($0.message).answer == $0.answer }
    #expect(Double(jaccard) < 0.3 * Double(test.count))
    #expect(Double(cosine) < 0.3 * Double(test.count))
    // Nor would it be if the copier were given product and order for nothing.
    func judged(_ row: SupportRow) -> [JSONValue?] {
      ["intent", "urgency", "refund"].map { row.ticket[$0] }
    }
    let generous = test.count { judged(neighbours.byCosine($0.message)) == judged($0) }
    #expect(Double(generous) < 0.3 * Double(test.count), "\(generous) of \(test.count)")
    // The measure works: a training message's nearest neighbour is itself.
    let own = try #require(neighbours.training.dropFirst(17).first)
    #expect(neighbours.byCosine(own.message).answer == own.answer)
    #expect(neighbours.byJaccard(own.message).answer == own.answer)
  }
}
