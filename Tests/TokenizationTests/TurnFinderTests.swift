import Serialization
import Testing
import Tokenization

/// A conversation through a template written for it, and what of the text is learned.
struct TurnCase: CustomTestStringConvertible {
  let testDescription: String
  let source: String
  let messages: [JSONValue]
  /// The learned text, by message; or what the error says.
  let expected: Result<[(String, Int)], ErrorText>
  var extra: JSONObject = [:]
  var eosToken: String? = "<end>"

  struct ErrorText: Error {
    let text: String
  }

  init(
    _ description: String, _ source: String, _ messages: [JSONValue], learns: (String, Int)...,
    extra: JSONObject = [:], eosToken: String? = "<end>"
  ) {
    testDescription = description
    self.source = source
    self.messages = messages
    expected = .success(learns)
    self.extra = extra
    self.eosToken = eosToken
  }

  init(_ description: String, _ source: String, _ messages: [JSONValue], fails: String) {
    testDescription = description
    self.source = source
    self.messages = messages
    expected = .failure(ErrorText(text: fails))
  }

  static func user(_ content: JSONValue) -> JSONValue { ["role": "user", "content": content] }
  static func assistant(_ content: JSONValue) -> JSONValue {
    ["role": "assistant", "content": content]
  }
  static let talk = [user("a"), assistant("b"), user("c"), assistant("d")]

  /// A template of the usual kind: `<role>`, the words, `<end>` and a newline.
  static let usual = """
    {% for m in messages %}{{ '<' + m.role + '>' + m.content + '<end>\\n' }}{% endfor %}\
    {% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}
    """

  static let all: [TurnCase] = [
    .init("a usual template", usual, talk, learns: ("b<end>", 1), ("d<end>", 3)),
    .init(
      "no end token known", usual, talk, learns: ("b<end>", 1), ("d<end>", 3), eosToken: nil),
    .init(
      "another end token known", usual, talk, learns: ("b<end>", 1), ("d<end>", 3),
      eosToken: "<eos>"),
    .init(
      "a user who writes a header", usual, [user("<end>\n<assistant>x<end>"), assistant("b")],
      learns: ("b<end>", 1)),
    .init(
      "an assistant who writes an end and a header", usual,
      [user("a"), assistant("b<end>\n<assistant>c<end>"), user("d"), assistant("e")],
      learns: ("b<end>\n<assistant>c<end><end>", 1), ("e<end>", 3)),
    .init(
      "an assistant who writes a header first", usual, [user("a"), assistant("<assistant>")],
      learns: ("<assistant><end>", 1)),
    .init("an empty turn", usual, [user("a"), assistant("")], learns: ("<end>", 1)),
    .init(
      "turns in a row", usual, [user("a"), assistant("b"), assistant("c"), assistant("")],
      learns: ("b<end>", 1), ("c<end>", 2), ("<end>", 3)),
    .init("a turn first", usual, [assistant("b"), user("a")], learns: ("b<end>", 0)),
    .init("text outside of ASCII", usual, [user("ä🦜"), assistant("ö🦜")], learns: ("ö🦜<end>", 1)),
    .init("no assistant", usual, [user("a")]),
    .init("no messages", "x", []),
    .init(
      "words cut, trimmed and replaced",
      """
      {% for m in messages %}{{ '<' + m.role + '>' + (m.content | trim).split('|')[-1] | replace('x', '<end>') + '<end>' }}{% endfor %}\
      {% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}
      """, [user("a"), assistant("  thought|bxc  ")], learns: ("b<end>c<end>", 1)),
    .init(
      "words through a macro, a block and a filter block",
      """
      {% macro said(m) %}{{ m.content }}{% endmacro %}{% for m in messages %}{% set text %}{{ said(m) }}{% endset %}\
      <{{ m.role }}>{% filter upper %}{{ text }}{% endfilter %}<end>
      {% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}
      """, talk, learns: ("B<end>", 1), ("D<end>", 3)),
    .init(
      "a header kept in a variable",
      """
      {% set header = '<assistant>' %}{% for m in messages %}{{ (header if m.role == 'assistant' else '<u>') + m.content + '<end>' }}\
      {% endfor %}{% if add_generation_prompt %}{{ header }}{% endif %}
      """, talk, learns: ("b<end>", 1), ("d<end>", 3)),
    .init(
      "a separator kept from the first turn",
      """
      {% set ns = namespace() %}{% for m in messages %}{% if loop.first %}{% set ns.end = '<end>' + '!' %}{% endif %}\
      {{ '<' + m.role + '>' + m.content + ns.end }}{% endfor %}{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}
      """, talk, learns: ("b<end>", 1), ("d<end>", 3)),
    .init(
      "text after the end token",
      """
      {% for m in messages %}{{ '<' + m.role + '>' + m.content + '<end><begin>' }}{% endfor %}\
      {% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}
      """, talk, learns: ("b<end>", 1), ("d<end>", 3)),
    .init(
      "an end-of-sequence token after the last turn",
      """
      {% for m in messages %}{{ '<' + m.role + '>' + m.content + '<|end|>\\n' }}{% endfor %}\
      {{ '<assistant>' if add_generation_prompt else eos_token }}
      """, talk, learns: ("b<|end|>", 1), ("d<|end|>", 3), ("<end>", 3)),
    .init(
      "an end-of-sequence token after the user's turn",
      """
      {% for m in messages %}{{ '<' + m.role + '>' + m.content + '<|end|>\\n' }}{% endfor %}\
      {{ '<assistant>' if add_generation_prompt else eos_token }}
      """, [user("a"), assistant("b"), user("c")], learns: ("b<|end|>", 1)),
    .init(
      "turns that end with a newline",
      """
      {% for m in messages %}{{ m.role + ': ' + m.content + '\\n' }}{% endfor %}\
      {% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}
      """, talk, learns: ("b\n", 1), ("d\n", 3)),
    .init(
      "a prompt that opens a thought",
      """
      {% for m in messages %}{{ '<' + m.role + '>' + m.content + '<end>' }}{% endfor %}\
      {% if add_generation_prompt %}{{ '<assistant><think>\\n' }}{% endif %}
      """, [user("a"), assistant("<think>\nb"), user("c"), assistant("d")],
      learns: ("<think>\nb<end>", 1), ("d<end>", 3)),
    .init(
      "an empty turn after a prompt that opens a thought",
      """
      {% for m in messages %}{{ '<' + m.role + '>' + m.content + '<end>' }}{% endfor %}\
      {% if add_generation_prompt %}{{ '<assistant><think>\\n' }}{% endif %}
      """, [user("a"), assistant("")], learns: ("<end>", 1)),
    .init(
      "a thought that the prompt has not",
      """
      {% for m in messages %}{{ '<' + m.role + '>' }}{% if loop.last %}{{ '<think></think>' }}{% endif %}{{ m.content + '<end>' }}\
      {% endfor %}{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}
      """, talk, learns: ("b<end>", 1), ("<think></think>d<end>", 3)),
    .init(
      "a thought that the prompt has too",
      """
      {% for m in messages %}{{ '<' + m.role + '>' }}{% if loop.last %}{{ '<think></think>' }}{% endif %}{{ m.content + '<end>' }}\
      {% endfor %}{% if add_generation_prompt %}{{ '<assistant>' + ('<think></think>' if off else '') }}{% endif %}
      """, talk, learns: ("b<end>", 1), ("d<end>", 3), extra: ["off": true]),
    .init(
      "a thought that the prompt opens otherwise",
      """
      {% for m in messages %}{{ '<' + m.role + '>' }}{% if m.role == 'assistant' %}{{ '<think></think>' }}{% endif %}{{ m.content + '<end>' }}\
      {% endfor %}{% if add_generation_prompt %}{{ '<assistant><think>\\n' }}{% endif %}
      """, talk, learns: ("<think></think>b<end>", 1), ("<think></think>d<end>", 3)),
    .init(
      "no prompt and no header",
      """
      {% for m in messages %}{% if m.role == 'user' %}[{{ m.content }}]{% else %} {{ m.content }}{{ eos_token }}{% endif %}{% endfor %}
      """, talk, learns: (" b<end>", 1), (" d<end>", 3)),
    .init(
      "a prompt only after the user",
      """
      {% for m in messages %}{{ '<u>' if m.role == 'user' else '<a>' }}{{ m.content + '<end>' }}{% endfor %}\
      {% if add_generation_prompt and messages[-1].role == 'user' %}{{ '<a>' }}{% endif %}
      """, [user("a"), assistant("b"), assistant("c")], learns: ("b<end>", 1), ("c<end>", 2)),
    .init(
      "turns run together",
      """
      {% for m in messages %}{% if loop.first or loop.previtem.role != m.role %}{{ '<' + m.role + '>' }}{% endif %}{{ m.content }}\
      {% if loop.last or loop.nextitem.role != m.role %}{{ '<end>' }}{% endif %}{% endfor %}\
      {% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}
      """, [user("a"), assistant("b"), assistant("c"), user("d"), assistant("e")],
      learns: ("b", 1), ("c<end>", 2), ("e<end>", 4)),
    .init(
      "marks in the template",
      """
      {% for m in messages %}<{{ m.role }}>{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% endif %}
      {% endfor %}{% generation %}bye{% endgeneration %}
      """, talk, learns: ("b", 1), ("d", 3), ("bye", 3)),
    .init(
      "marks in a macro",
      """
      {% macro said(m) %}{% generation %}{{ m.content }}{% endgeneration %}{% endmacro %}\
      {% for m in messages %}<{{ m.role }}>{{ said(m) if m.role == 'assistant' }}{% endfor %}
      """, talk, learns: ("b", 1), ("d", 3)),
    .init(
      "an assistant left out",
      "{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}",
      talk),
    .init(
      "no loop", "{{ messages[0].content }}<a>{{ messages[1].content }}<end>", talk,
      fails:
        "message 1: cannot tell which text the assistant wrote: the template writes it outside of a loop"
    ),
    .init(
      "turns of other messages",
      "{% for m in messages %}{{ m.content }}{{ messages[1].content if loop.first }}{% endfor %}"
        .replacing("{{ m.content }}", with: "{{ m.content if m.role == 'user' }}"), talk,
      fails:
        "message 1: cannot tell which text the assistant wrote: the template writes it as part of message 0"
    ),
    .init(
      "the assistant's words in two places",
      "{% for m in messages %}<{{ m.role }}>{% endfor %}{% for m in messages %}{{ m.content }}{% endfor %}",
      talk,
      fails:
        "message 1: cannot tell which text the assistant wrote: the template writes other text in the middle"
    ),
    .init(
      "a tool's answer in the turn that asked",
      """
      {% for m in messages %}{% if m.role != 'tool' %}<{{ m.role }}>{{ m.content }}{% set follow = messages[loop.index] %}\
      {% if not loop.last and follow.role == 'tool' %}({{ follow.content }}){% endif %}<end>{% endif %}{% endfor %}\
      {% if add_generation_prompt %}<assistant>{% endif %}
      """, [user("a"), assistant("b"), ["role": "tool", "content": "t"], assistant("c")],
      fails:
        "message 1: cannot tell which text the assistant wrote: the template writes what message 2 says"
    ),
    .init(
      "a header without a prompt",
      "{% for m in messages %}<{{ m.role }}>{{ m.content }}<end>{% endfor %}", talk,
      fails:
        "message 1: cannot tell which text the assistant wrote: the template writes a header but has no"
    ),
    .init(
      "a constant header without a prompt",
      "{% for m in messages %}{{ '<u>' if m.role == 'user' else '<a>' }}{{ m.content }}<end>{% endfor %}",
      talk,
      fails:
        "message 1: cannot tell which text the assistant wrote: the template writes a header but has no"
    ),
    .init(
      "another header than the prompt's",
      usual.replacing("{{ '<assistant>' }}", with: "{{ '<bot>' }}"), talk,
      fails: "message 1: cannot tell which text the assistant wrote: the turn begins otherwise"),
    .init(
      "nothing at the end",
      "{% for m in messages %}{{ '<' + m.role + '>' + m.content }}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}", talk,
      fails:
        "message 1: cannot tell which text the assistant wrote: the template writes nothing after"),
    .init(
      "a message that is none", usual, ["x"], fails: "message 0 of the conversation is a string"),
  ]
}

@Suite("A turn of the assistant's") struct TurnFinderTests {
  @Test("is learned without header and through its end, or refused", arguments: TurnCase.all)
  func isFound(_ turn: TurnCase) throws {
    let template = try ChatTemplate(source: turn.source, bosToken: nil, eosToken: turn.eosToken)
    do {
      let rendered = try template.renderWithSupervision(messages: turn.messages, extra: turn.extra)
      let bytes = Array(rendered.text.utf8)
      let found = rendered.spans.map {
        (String(decoding: bytes[$0.range], as: UTF8.self), $0.messageIndex)
      }
      guard case .success(let expected) = turn.expected else {
        Issue.record("found \(found)")
        return
      }
      #expect(
        found.map(\.0) == expected.map(\.0) && found.map(\.1) == expected.map(\.1),
        "found \(found) in \(rendered.text)")
      let plain = try template.render(
        messages: turn.messages, addGenerationPrompt: false, extra: turn.extra)
      #expect(plain == rendered.text)
    } catch {
      guard case .failure(let expected) = turn.expected else {
        Issue.record("failed: \(error)")
        return
      }
      #expect(error.description.hasPrefix(expected.text), "\(error)")
    }
  }
}
