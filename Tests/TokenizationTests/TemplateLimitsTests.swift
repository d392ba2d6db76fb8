import Serialization
import Testing
import Tokenization

/// A template written to do harm.
struct HostileTemplate: CustomTestStringConvertible {
  let testDescription: String
  let source: String
  /// What the error says it exceeds or refuses.
  let says: String

  init(_ description: String, _ source: String, says: String) {
    testDescription = description
    self.source = source
    self.says = says
  }

  private static func repeated(_ text: String, _ count: Int) -> String {
    String(repeating: text, count: count)
  }

  static let all: [HostileTemplate] = [
    .init("nested parentheses", repeated("{{ (", 1) + repeated("(", 5000) + "1", says: "levels"),
    .init("nested lists", "{{ " + repeated("[", 5000), says: "levels"),
    .init("nested dictionaries", "{{ " + repeated("{1:", 5000), says: "levels"),
    .init("nested blocks", repeated("{% if 1 %}", 5000), says: "levels"),
    .init("a long sum", "{{ 1" + repeated(" + 1", 5000) + " }}", says: "operations"),
    .init(
      "a long chain of filters", "{{ 1" + repeated(" | string", 5000) + " }}", says: "operations"),
    .init("a long chain of attributes", "{{ a" + repeated(".a", 5000) + " }}", says: "operations"),
    .init("many negations", "{{ " + repeated("not ", 5000) + "1 }}", says: "levels"),
    .init("many signs", "{{ " + repeated("-", 5000) + "1 }}", says: "levels"),
    .init("many conditionals", "{{ " + repeated("1 if 1 else ", 5000) + "1 }}", says: "levels"),
    .init("nested targets", "{% set " + repeated("(", 5000) + "a", says: "levels"),
    .init("endless recursion", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", says: "levels"),
    .init(
      "recursion of two macros",
      "{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ f() }}",
      says: "levels"),
    .init(
      "recursion through a call block",
      "{% macro f() %}{% call f() %}{{ caller() }}{% endcall %}{% endmacro %}{{ f() }}",
      says: "levels"),
    .init(
      "loops in loops",
      repeated("{% for i in range(100000) %}", 4) + "x" + repeated("{% endfor %}", 4), says: "steps"
    ),
    .init(
      "a long loop that does nothing",
      repeated("{% for i in range(100000) %}", 3) + repeated("{% endfor %}", 3), says: "steps"),
    .init("a long string", "{{ 'x' * 100000000000 }}", says: "characters in one string"),
    .init("a long list", "{{ [1] * 100000000000 }}", says: "elements in one list"),
    .init("a wide field", "{{ 'x'.center(100000000000) }}", says: "characters in one string"),
    .init("a wide number", "{{ '%099999999999d' % 1 }}", says: "characters in one string"),
    .init("a precise number", "{{ '%.99999999999d' % 1 }}", says: "digits"),
    .init("a wide format", "{{ '{:>99999999999}'.format(1) }}", says: "characters in one string"),
    .init(
      "a deep indent", "{{ 'x' | indent(99999999999, true) }}", says: "characters in one string"),
    .init(
      "indented JSON", "{{ [[1]] | tojson(indent=99999999999) }}", says: "characters in one string"),
    .init("a large batch", "{{ [1] | batch(99999999999, 0) | list }}", says: "elements"),
    .init("many slices", "{{ [1] | slice(99999999999) | list }}", says: "elements"),
    .init(
      "a string doubled again and again",
      "{% set ns = namespace(s='xxxxxxxx') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
      says: "characters"),
    .init(
      "a list doubled again and again",
      "{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
      says: "elements in one list"),
    .init(
      "replacements that multiply",
      "{% set s = 'a' * 100000 %}{{ s.replace('a', s) }}", says: "characters in one string"),
    .init(
      "lists that hold a list twice",
      "{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}",
      says: "values in one list"),
    .init(
      "lists in lists",
      "{% set ns = namespace(s=[1]) %}{% for i in range(10000) %}{% set ns.s = [ns.s] %}{% endfor %}",
      says: "levels of lists"),
    .init(
      "dictionaries in dictionaries",
      "{% set ns = namespace(s=1) %}{% for i in range(10000) %}{% set ns.s = {1: ns.s} %}{% endfor %}",
      says: "levels of lists"),
    .init(
      "generators of generators",
      "{% set ns = namespace(s=[1]) %}{% for i in range(10000) %}{% set ns.s = ns.s | map('string') %}"
        + "{% endfor %}{{ ns.s | list }}", says: "levels of lists"),
    .init(
      "views of dictionaries in dictionaries",
      "{% set ns = namespace(s={}) %}{% for i in range(10000) %}{% set ns.s = {1: ns.s.items()} %}"
        + "{% endfor %}", says: "levels of lists"),
    .init(
      "methods of lists of methods",
      "{% set ns = namespace(s=[1]) %}{% for i in range(10000) %}{% set ns.s = [ns.s.index] %}"
        + "{% endfor %}", says: "levels of lists"),
    .init(
      "cyclers of cyclers",
      "{% set ns = namespace(s=1) %}{% for i in range(10000) %}{% set ns.s = cycler(ns.s) %}{% endfor %}",
      says: "levels of lists"),
    .init(
      "endless output",
      "{% set s = 'x' * 1000000 %}{% for i in range(100000) %}{{ s }}{% endfor %}",
      says: "bytes of output"),
    .init(
      "work that leaves no trace",
      "{% set s = 'x' * 800000 %}{% for i in range(100000) %}{% if s == s ~ '' %}{% endif %}{% endfor %}",
      says: "characters worked on"),
    .init(
      "searches that leave no trace",
      "{% set s = 'x' * 800000 %}{% for i in range(100000) %}{% set z = s.find('y') %}{% endfor %}",
      says: "characters worked on"),
    .init("a namespace in itself", "{% set n = namespace() %}{% set n.n = n %}", says: "namespace"),
    .init(
      "a namespace in a list in itself", "{% set n = namespace() %}{% set n.n = [n] %}",
      says: "namespace"),
    .init(
      "a macro in a namespace",
      "{% macro f() %}{% endmacro %}{% set n = namespace(f=f) %}", says: "namespace"),
    .init("a macro in a variable", "{% macro f() %}{% endmacro %}{% set g = f %}", says: "macro"),
    .init("a number beyond 64 bits", "{{ 9223372036854775807 + 1 }}", says: "64 bits"),
    .init("the least number over -1", "{{ (-9223372036854775807 - 1) // -1 }}", says: "64 bits"),
    .init("the least number negated", "{{ -(-9223372036854775807 - 1) }}", says: "64 bits"),
    .init("a large power", "{{ 10 ** 400 }}", says: "64 bits"),
    .init(
      "a range of everything", "{{ range(-9223372036854775807, 9223372036854775807) }}", says: "big"
    ),
    .init("a large float as an integer", "{{ 1e300 | int }}", says: "64 bits"),
    .init("a huge literal", "{{ 99999999999999999999 }}", says: "64 bits"),
    .init("a slice by nothing", "{{ 'abc'[::0] }}", says: "zero"),
    .init("the class of a string", "{{ ''.__class__.__mro__ }}", says: "unsafe"),
    .init("the class of a string by subscript", "{{ ''['__class__']['__mro__'] }}", says: "unsafe"),
    .init("the class of a string by filter", "{{ (''|attr('__class__')).x }}", says: "unsafe"),
    .init(
      "the globals of a macro", "{% macro f() %}{% endmacro %}{{ f.__globals__.x }}", says: "unsafe"
    ),
    .init("the class by format", "{{ '{0.__class__.__mro__}'.format('') }}", says: "unsafe"),
    .init("the class by map", "{{ [''] | map(attribute='__class__.x') | list }}", says: "unsafe"),
    .init(
      "the initialiser of a loop", "{% for i in [1] %}{{ loop.__init__.x }}{% endfor %}",
      says: "unsafe"),
    .init("the template itself", "{{ self._TemplateReference__context.x }}", says: "undefined"),
    .init("importing", "{% import 'os' as os %}", says: "'import'"),
    .init("including", "{% include '/etc/passwd' %}", says: "'include'"),
    .init("extending", "{% extends 'x' %}", says: "'extends'"),
    .init("a block", "{% block x %}{% endblock %}", says: "'block'"),
    .init("a recursive loop", "{% for i in [1] recursive %}{% endfor %}", says: "recursive"),
    .init("the address of a generator", "{{ [1] | map('string') }}", says: "printing a generator"),
    .init("the address of a function", "{{ range }}", says: "printing a function"),
    .init("chance", "{{ [1, 2] | random }}", says: "'random'"),
    .init("a reversed list's address", "{{ [1] | reverse }}", says: "printing a generator"),
  ]
}

@Suite("A hostile template") struct TemplateLimitsTests {
  @Test("is refused by an error that says why", arguments: HostileTemplate.all)
  func isRefused(_ hostile: HostileTemplate) throws {
    // A tenth and less of what a template gets by default, so that the tests do not take minutes.
    var limits = TemplateLimits()
    limits.steps = 200_000
    limits.stringWork = 1 << 24
    limits.outputBytes = 1 << 22
    let error = #expect(throws: TemplateError.self) {
      _ = try ChatTemplate(source: hostile.source, bosToken: nil, eosToken: nil, limits: limits)
        .render(messages: [], addGenerationPrompt: false)
    }
    let message = error?.description ?? ""
    #expect(message.contains(hostile.says), "\(message)")
    #expect(message.contains("line 1"), "\(message)")
  }

  @Test("stops at the limits it is given")
  func stopsAtGivenLimits() throws {
    var limits = TemplateLimits()
    limits.steps = 50
    let template = try ChatTemplate(
      source: "{% for i in range(20) %}{{ i }}{% endfor %}", bosToken: nil, eosToken: nil,
      limits: limits)
    #expect(throws: TemplateError.limitExceeded(line: 1, limit: "50 steps")) {
      _ = try template.render(messages: [], addGenerationPrompt: false)
    }
  }
}
