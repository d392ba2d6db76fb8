import Serialization

/// Finds what each assistant turn of a rendered conversation generates.
///
/// All positions are in code points of the rendering, all message numbers count from 1.
struct TurnFinder {
  let template: ChatTemplate
  let input: TemplateInput
  let rendering: TracedRendering
  private let spending: TemplateSpending
  /// The leads already seen, by what kind of message they follow.
  private var leads: [String: [[UInt32]]] = [:]
  /// The kinds of message after which a turn has no header.
  private var headerlessKinds: Set<String> = []

  /// - Parameter spending: what `rendering` took, to which further renderings are added.
  init(
    template: ChatTemplate, input: TemplateInput, rendering: TracedRendering,
    spending: TemplateSpending
  ) {
    self.spending = spending
    self.template = template
    self.input = input
    self.rendering = rendering
  }

  mutating func supervisedRanges() throws(TemplateError) -> [(range: Range<Int>, messageIndex: Int)]
  {
    let turns = try turns(in: rendering)
    var written: [(index: Int, turn: Range<Int>, start: Int)] = []
    for (index, message) in input.messages.enumerated() where Self.isAssistant(message) {
      guard let turn = turns[index] else { continue }
      let start = turn.lowerBound + (try headerLength(of: index, turn))
      try requireOwnWords(index, start..<turn.upperBound)
      written.append((index, turn, start))
    }
    var ranges: [(range: Range<Int>, messageIndex: Int)] = []
    for (place, (index, turn, start)) in written.enumerated() {
      // Some templates run messages of the assistant's that follow each other into one turn.
      let next = place + 1 < written.count ? written[place + 1].start : nil
      let end = try end(of: index, turn, from: start, isContinued: next == turn.upperBound)
      ranges.append((start..<end, index))
    }
    if let last = written.last, last.index == input.messages.count - 1,
      let closing = closingToken(after: last.turn)
    {
      ranges.append((closing, last.index))
    }
    return ranges
  }

  /// The end-of-sequence token where it is all that a template writes after the last turn (Phi 3): the
  /// assistant ends the text with it.
  private func closingToken(after turn: Range<Int>) -> Range<Int>? {
    let scalars = (input.eosToken ?? "").unicodeScalars.map(\.value)
    let rest = turn.upperBound..<rendering.glyphs.count
    let isClosed = rendering.glyphs[rest].lazy.map(\.scalar).elementsEqual(scalars)
    return scalars.isEmpty || !isClosed ? nil : rest
  }

  private static func isAssistant(_ message: JSONObject) -> Bool {
    message["role"]?.stringValue == "assistant"
  }

  // MARK: Turns

  /// What was written while the template's loop was at each assistant message; `nil` if nothing
  /// was.
  private func turns(in rendering: TracedRendering) throws(TemplateError) -> [Range<Int>?] {
    var turns = [Range<Int>?](repeating: nil, count: input.messages.count)
    var counts = [Int](repeating: 0, count: input.messages.count)
    var speaking: [Int: Int32] = [:]
    for index in rendering.glyphs.indices {
      let origin = rendering.origin(at: index)
      if origin.isSpoken { speaking[Int(origin.message) - 1] = origin.turn }
      guard origin.turn != 0 else { continue }
      let message = Int(origin.turn) - 1
      counts[message] += 1
      turns[message] = (turns[message]?.lowerBound ?? index)..<index + 1
    }
    for (index, message) in input.messages.enumerated() where Self.isAssistant(message) {
      if let turn = turns[index] {
        guard turn.count == counts[index] else {
          throw .unclearTurn(
            messageIndex: index, reason: "the template writes other text in the middle of the turn")
        }
      } else if let elsewhere = speaking[index] {
        throw .unclearTurn(
          messageIndex: index,
          reason: elsewhere == 0
            ? "the template writes it outside of a loop over the messages"
            : "the template writes it as part of message \(elsewhere - 1)")
      }
    }
    return turns
  }

  /// What another message says is nothing that this one's author wrote, such as a tool's answer
  /// that a template puts into the middle of the turn that asked for it.
  private func requireOwnWords(_ index: Int, _ range: Range<Int>) throws(TemplateError) {
    let message = Int32(index + 1)
    for position in range {
      let origin = rendering.origin(at: position)
      guard !origin.isSpoken || origin.message == message else {
        throw .unclearTurn(
          messageIndex: index,
          reason: "the template writes what message \(origin.message - 1) says into the turn")
      }
    }
  }

  /// The part of a turn before the message's first own word.
  private struct Opening {
    let scalars: [UInt32]
    /// Whether words follow.
    let endsInWords: Bool
    /// Positions in `scalars` at which one piece of the template ends and another begins.
    let seams: [Int]
    /// The position after the last piece that names the speaker.
    let labelEnd: Int

    var isBlank: Bool { scalars.allSatisfy(PythonText.isSpace) }
  }

  private func opening(of index: Int, _ turn: Range<Int>, in rendering: TracedRendering) -> Opening
  {
    let message = Int32(index + 1)
    let words = turn.first { rendering.isSpoken(at: $0, by: message) }
    let range = turn.lowerBound..<(words ?? turn.upperBound)
    var seams: [Int] = []
    var labelEnd = 0
    for position in range {
      let origin = rendering.origin(at: position)
      if position > range.lowerBound, origin.source != rendering.origin(at: position - 1).source {
        seams.append(position - range.lowerBound)
      }
      if origin.isLabel { labelEnd = position - range.lowerBound + 1 }
    }
    return Opening(
      scalars: rendering.glyphs[range].map(\.scalar), endsInWords: words != nil, seams: seams,
      labelEnd: labelEnd)
  }

  // MARK: Headers

  private mutating func headerLength(of index: Int, _ turn: Range<Int>) throws(TemplateError) -> Int
  {
    let opening = opening(of: index, turn, in: rendering)
    // The prompt depends on what it follows far more than on where: rendering one per kind keeps a
    // long conversation from costing its length squared. A lead that does not fit is made anew.
    let kind = kindOfPredecessor(of: index)
    for lead in leads[kind] ?? [] where !lead.isEmpty {
      if let length = Self.headerLength(opening, lead) { return length }
    }
    if headerlessKinds.contains(kind) { return 0 }
    let lead = try lead(to: index, turn)
    if lead.isEmpty { return try headerLengthWithoutPrompt(index, kind, opening) }
    leads[kind, default: []].append(lead)
    let length = Self.headerLength(opening, lead) ?? Self.sharedHeaderLength(opening, lead)
    if let length { return length }
    if let plain = openingOfPlainTurn(index) {
      let length = Self.headerLength(plain, lead) ?? Self.sharedHeaderLength(plain, lead)
      if let length, opening.scalars.starts(with: plain.scalars.prefix(length)) { return length }
    }
    throw .unclearTurn(
      messageIndex: index,
      reason: "the turn begins otherwise than the template's generation prompt")
  }

  /// The header of a turn that no generation prompt begins: none, if a plain turn begins with its
  /// words.
  private mutating func headerLengthWithoutPrompt(
    _ index: Int, _ kind: String, _ opening: Opening
  ) throws(TemplateError) -> Int {
    // The template may leave out its prompt here, say after another turn of the assistant's, and
    // yet write it.
    for lead in leads.values.joined() where opening.scalars.starts(with: lead) { return lead.count }
    let plain = opening.isBlank ? opening : openingOfPlainTurn(index)
    guard let plain, plain.isBlank else {
      throw .unclearTurn(
        messageIndex: index, reason: "the template writes a header but has no generation prompt")
    }
    if !opening.isBlank { headerlessKinds.insert(kind) }
    return 0
  }

  /// How much of a turn's opening the generation prompt puts there, or `nil` if they disagree.
  private static func headerLength(
    _ opening: Opening, _ lead: [UInt32]
  ) -> Int? {
    if opening.scalars.starts(with: lead) { return lead.count }
    guard opening.endsInWords else { return nil }
    if lead.starts(with: opening.scalars) { return opening.scalars.count }
    // The first message's turn may hold a system message that the template supplies, before its
    // header.
    let endsInLead = !lead.isEmpty && opening.scalars.suffix(lead.count).elementsEqual(lead)
    return endsInLead ? opening.scalars.count : nil
  }

  /// How much of a turn's opening is header if the prompt goes on otherwise than the turn does, say
  /// with `<think>` and a newline where the turn has `<think></think>`: the pieces they share,
  /// which must name the speaker.
  private static func sharedHeaderLength(_ opening: Opening, _ lead: [UInt32]) -> Int? {
    let shared = zip(opening.scalars, lead).prefix { $0 == $1 }.count
    guard let seam = opening.seams.last(where: { $0 <= shared }), seam >= opening.labelEnd else {
      return nil
    }
    let isBlank = opening.scalars.prefix(seam).allSatisfy(PythonText.isSpace)
    return isBlank ? nil : seam
  }

  private func kindOfPredecessor(of index: Int) -> String {
    guard index > 0 else { return "" }
    let message = input.messages[index - 1]
    let role = message["role"]?.stringValue ?? ""
    return message["tool_calls"] == nil ? role : role + " with tools"
  }

  /// What the generation prompt puts where `turn` starts.
  private func lead(to index: Int, _ turn: Range<Int>) throws(TemplateError) -> [UInt32] {
    // Without a message there is no conversation to render, so the whole one stands in for it.
    let before = index > 0 ? input.prefix(index) : input
    do throws(TemplateError) {
      let prompt = try template.render(
        before, addsGenerationPrompt: true, traces: true, spending: spending)
      let isPrefix =
        index > 0 && prompt.glyphs.count <= rendering.glyphs.count
        && zip(prompt.glyphs, rendering.glyphs).allSatisfy { $0.scalar == $1.scalar }
      if isPrefix { return prompt.glyphs.dropFirst(turn.lowerBound).map(\.scalar) }
      let finished =
        index > 0
        ? try template.render(
          before, addsGenerationPrompt: false, traces: true, spending: spending) : rendering
      let addition = try addition(of: prompt, to: finished, index)
      // A template without generation prompt: its turns start where what was before them ends.
      if addition.isEmpty, !meets(prompt, turn) { throw unclearPrompt(index) }
      return addition
    } catch {
      if case .unclearTurn = error { throw error }
      throw .unclearTurn(
        messageIndex: index, reason: "the messages before it do not render by themselves (\(error))"
      )
    }
  }

  /// What `prompt` has that `finished` does not: the same characters from another place count as
  /// others.
  private func addition(
    of prompt: TracedRendering, to finished: TracedRendering, _ index: Int
  ) throws(TemplateError) -> [UInt32] {
    var shared = 0
    while shared < prompt.glyphs.count, shared < finished.glyphs.count,
      prompt.glyphs[shared].scalar == finished.glyphs[shared].scalar,
      prompt.origin(at: shared).source == finished.origin(at: shared).source
    {
      shared += 1
    }
    guard (shared..<prompt.glyphs.count).allSatisfy({ !prompt.origin(at: $0).isSpoken }) else {
      throw unclearPrompt(index)
    }
    return prompt.glyphs.dropFirst(shared).map(\.scalar)
  }

  private func unclearPrompt(_ index: Int) -> TemplateError {
    .unclearTurn(
      messageIndex: index, reason: "the template's generation prompt cannot be told from the text")
  }

  /// Whether the text before `turn` ends as `prompt` does: the same template text after the same
  /// last word.
  private func meets(_ prompt: TracedRendering, _ turn: Range<Int>) -> Bool {
    var (last, before) = (prompt.glyphs.count - 1, turn.lowerBound - 1)
    while last >= 0, before >= 0, prompt.glyphs[last].scalar == rendering.glyphs[before].scalar {
      let (origin, other) = (prompt.origin(at: last), rendering.origin(at: before))
      guard origin.isSpoken == other.isSpoken else { return false }
      if origin.isSpoken { return origin.message == other.message }
      (last, before) = (last - 1, before - 1)
    }
    return last < 0 && before < 0
  }

  /// How the turn would open if the assistant had said one plain word.
  ///
  /// A turn that calls tools or says nothing may open in the middle of what the prompt would have
  /// been; the header it shares with a plain turn is all of the prompt that it has.
  private func openingOfPlainTurn(_ index: Int) -> Opening? {
    var plain = input
    var message = JSONObject([("role", "assistant")])
    message["content"] = "x"
    if case .array? = input.messages[index]["content"] {
      message["content"] = [["type": "text", "text": "x"]]
    }
    plain.messages[index] = message
    // What follows a tool call may not follow plain words; then the conversation ends with them.
    for conversation in [plain, plain.prefix(index + 1)] {
      do throws(TemplateError) {
        let rendering = try template.render(
          conversation, addsGenerationPrompt: false, traces: true, spending: spending)
        return try turns(in: rendering)[index].map { opening(of: index, $0, in: rendering) }
      } catch {
        continue
      }
    }
    return nil
  }

  // MARK: Ends

  /// Where the turn's end token ends.
  ///
  /// - Parameter isContinued: Whether the next message's words go on where this one's turn stops.
  private func end(
    of index: Int, _ turn: Range<Int>, from start: Int, isContinued: Bool
  ) throws(TemplateError) -> Int {
    let message = Int32(index + 1)
    var lastWord = turn.upperBound
    while lastWord > start, !rendering.isSpoken(at: lastWord - 1, by: message) { lastWord -= 1 }
    let tail = TracedString(rendering.glyphs[lastWord..<turn.upperBound])
    guard !tail.isEmpty || isContinued else {
      throw .unclearTurn(
        messageIndex: index,
        reason: "the template writes nothing after its words that would end the turn")
    }
    if let token = input.eosToken.map({ TracedString($0) }), !token.isEmpty,
      let place = tail.occurrences(of: token, limit: 1).first
    {
      return lastWord + place + token.count
    }
    let trimmed = tail.stripped(of: nil, start: false).count
    return trimmed == 0 ? turn.upperBound : lastWord + trimmed
  }
}

extension TemplateInput {
  /// The conversation's first `count` messages.
  fileprivate func prefix(_ count: Int) -> TemplateInput {
    var result = self
    result.messages = Array(messages.prefix(count))
    return result
  }
}
