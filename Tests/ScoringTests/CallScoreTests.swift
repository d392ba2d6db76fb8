import Scoring
import Testing

@Suite("CallScore") struct CallScoreTests {
  private static func known(_ model: String, _ group: String) throws -> CallScore.KnownCall {
    CallScore.KnownCall(
      call: try #require(
        CallExpression(
          in: "torch.hub.load(repo_or_dir='pytorch/vision', model='\(model)', pretrained=True)")),
      group: group)
  }

  private static func score() throws -> CallScore {
    CallScore(
      arguments: ["repo_or_dir", "model"],
      known: [
        try known("vgg11", "Classification"), try known("vgg11_bn", "Classification"),
        try known("fcn_resnet50", "Segmentation"),
      ])
  }

  private static let reference =
    "torch.hub.load(repo_or_dir='pytorch/vision', model='vgg11', pretrained=True)"

  @Test(
    "reads names, positions, strings and nested values",
    arguments: [
      ("Use `f.g(a='x', \"y\", b=1)`, please.", "f.g", ["a=x", "y", "b=1"]),
      (
        #"f(a = 'it\'s, (so)' , b=[1, 2], **{'c': 3})"#, "f",
        ["a=it's, (so)", "b=[1, 2]", "**{'c': 3}"]
      ),
      ("f()", "f", []),
      ("f(a == 1)", "f", ["a == 1"]),
      ("f('a' 'b')", "f", ["'a' 'b'"]),
      ("f(a='x', b='un", "f", ["a=x"]),
      ("see (this) and f(1)", "f", ["1"]),
    ])
  func parse(_ text: String, _ name: String, _ arguments: [String]) throws {
    let call = try #require(CallExpression(in: text))
    #expect(call.name == name)
    #expect(call.arguments.map { ($0.name.map { "\($0)=" } ?? "") + $0.value } == arguments)
  }

  @Test(
    "finds no call where there is none", arguments: ["", "(a)", "no call (at all)", "2(x)", "f"])
  func none(_ text: String) { #expect(CallExpression(in: text) == nil) }

  @Test(
    "compares whole values",
    arguments: [
      ("torch.hub.load('pytorch/vision', 'vgg11')", true, true),
      ("torch.hub.load(model=\"vgg11\", repo_or_dir=\"pytorch/vision\")", true, true),
      ("torch.hub.load('pytorch/vision', 'vgg11_bn', pretrained=True)", false, true),
      ("torch.hub.load('pytorch/vision', 'vgg12', pretrained=True)", false, false),
      ("torch.hub.load('pytorch/vision:v0.10.0', 'vgg11', pretrained=True)", false, false),
      ("torch.hub.load('pytorch/vision')", false, false),
      ("torch.load('pytorch/vision', 'vgg11')", false, false),
      ("I do not know.", false, false),
      // Only the first call counts.
      (
        "torch.hub.load('pytorch/vision', 'x') torch.hub.load('pytorch/vision', 'vgg11')", false,
        false
      ),
    ])
  func exact(_ answer: String, _ isExact: Bool, _ isKnown: Bool) throws {
    let judgement = try #require(try Self.score().judge(answer: answer, reference: Self.reference))
    #expect(judgement.isExact == isExact)
    #expect(judgement.isKnown == isKnown)
  }

  @Test(
    "takes the papers' measure as loosely as they do",
    arguments: [
      // "vgg11" is a part of it, so the first card of that domain is found.
      ("torch.hub.load('pytorch/vision:v0.10.0', 'vgg11_xyz', pretrained=True)", true),
      ("torch.hub.load('pytorch/vision', 'fcn_resnet50', pretrained=True)", false),
      // "True" is a value, too.
      ("torch.hub.load('pytorch/vision', 'vgg11')", false),
      ("nothing", false),
    ])
  func loose(_ answer: String, _ isInGroup: Bool) throws {
    let judgement = try #require(try Self.score().judge(answer: answer, reference: Self.reference))
    #expect(judgement.isInGroup == isInGroup)
  }

  @Test("knows no hallucination without a list, and judges nothing without a call to compare with")
  func unknown() throws {
    let score = CallScore(arguments: ["a"])
    let judgement = try #require(score.judge(answer: "f(a=1)", reference: "f(a=1)"))
    #expect(judgement.isExact && judgement.isKnown == nil && judgement.isInGroup == nil)
    #expect(score.judge(answer: "f(a=1)", reference: "Paris") == nil)
    let both = try #require(score.judge(answer: "f()", reference: "f(**x)"))
    #expect(both.isExact, "an argument that both leave out is the same")
  }

  @Test("reads known calls and names the line that is none")
  func list() throws {
    let text = "{\"call\": \"f(a='x')\", \"group\": \"g\"}\n\n{\"call\": \"f(a='y')\"}\n"
    let score = try CallScore(arguments: ["a"], knownCalls: Array(text.utf8), path: "k.jsonl")
    #expect(score.known.map(\.group) == ["g", nil])
    for (line, problem) in [
      ("{", "there is no"), ("{\"call\": 1}", "there is no \"call\" with a text"),
      ("{\"call\": \"x\"}", "\"call\" is no call of the form"),
    ] {
      #expect {
        try CallScore(arguments: ["a"], knownCalls: Array((text + line).utf8), path: "k.jsonl")
      } throws: { error in
        "\(error)".hasPrefix("k.jsonl line 4: ") && (line == "{" || "\(error)".contains(problem))
      }
    }
  }
}
