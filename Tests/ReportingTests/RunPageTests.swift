import Serialization
import Testing

@testable import Reporting

@Suite("A run's page") struct RunPageTests {
  /// A run of `count` steps whose loss falls.
  static func run(_ count: Int, validations: Int = 0, name: String = "a run") -> RunRecord {
    var run = RunRecord(name: name)
    run.settings = [
      .init(key: "model.path", value: "m.gguf"), .init(key: "lora.r", value: "16"),
      .init(key: "training.seed", value: "42"),
    ]
    for index in 0..<count {
      let noise = 0.01 * Double(index % 5)
      let step = RunRecord.Step(
        step: index + 1, loss: 3 / Double(index + 1) + noise, learningRate: 1e-4,
        gradientNorm: Double(index % 3), tokensPerSecond: 500 + Double(index % 11),
        elapsedSeconds: Double(index))
      run.steps.append(step)
    }
    let interval = max(1, count / max(1, validations))
    for index in 0..<validations {
      let loss = 2 / Double(index + 1)
      run.validations.append(RunRecord.Validation(step: (index + 1) * interval, loss: loss))
    }
    return run
  }

  static let full: RunRecord = {
    var run = Self.run(40, validations: 4)
    run.summary = [
      "outcome": "finished", "steps": 40, "final_loss": 0.1, "best_validation_loss": 0.5,
      "best_step": 40, "seconds": 61, "peak_rss_bytes": 700_000_000, "threads": 2,
      "versions": ["lorikeet": "0.1.0"],
    ]
    run.data.rowLengths = [.init(value: 30, count: 4), .init(value: 77, count: 1)]
    for block in 0..<3 {
      for kind in ["q_proj", "v_proj"] {
        run.data.layers.append(
          ReportData.Layer(
            name: "model.layers.\(block).self_attn.\(kind)", weightNorm: 10, deltaNorm: 0.1))
      }
    }
    run.data.samples = [
      .init(
        source: "v.jsonl line 1", messages: [.init(role: "user", content: "Hello")],
        reference: "Hi", base: "Hello Hello", tuned: "Hi ",
        history: [.init(step: 10, text: "Hello"), .init(step: 30, text: "Hi ")])
    ]
    run.evaluation = [
      "loss": 0.1, "token_accuracy": 0.9, "data": "test.jsonl",
      "generation": ["examples": 100, "exact_match": 0.89],
      "base": ["loss": 2.0, "generation": ["examples": 100, "exact_match": 0.0]],
      "exact_match_difference": ["mean": 0.89, "low": 0.83, "high": 0.95],
    ]
    return run
  }()

  @Test("is well-formed, and needs nothing beside itself")
  func wellFormed() {
    let page = RunPage.html(Self.full)
    #expect(faults(in: page) == [])
    #expect(!page.contains("http-equiv=\"refresh\""))
    #expect(RunPage.html(Self.full, isLive: true).contains("http-equiv=\"refresh\""))
    for text in [
      "The tuned model answers better than its base.", "89.0 % [81.4, 93.7], 89 of 100",
      "✓ as the reference", "‖ΔW‖ / ‖W‖", "1 min 1 s", "700 MB", "2 threads", "lorikeet 0.1.0",
      "prefers-color-scheme:dark", "@media print",
    ] {
      #expect(page.contains(text), "\(text)")
    }
    let svgs = pieces(page, from: "<svg", to: "</svg>")
    #expect(svgs.count == 8)
    #expect(svgs.allSatisfy { $0.contains("<title") && $0.contains("<desc") })
  }

  @Test("shows what users' files hold and lets none of it be markup")
  func escapes() {
    let evil = #"</title><script>alert("x")</script><img src='a' onerror=b>&amp;"# + "\u{1}\u{7}"
    var run = Self.full
    run.name = evil
    run.settings = [.init(key: evil, value: evil), .init(key: "data.\(evil)", value: evil)]
    run.data.model = evil
    run.data.versions = [.init(key: evil, value: evil)]
    run.data.layers = [.init(name: "model.layers.0.\(evil)", weightNorm: 1, deltaNorm: 1)]
    run.data.samples = [
      .init(
        source: evil, messages: [.init(role: evil, content: evil)], reference: evil, base: evil,
        tuned: evil, history: [.init(step: 1, text: evil), .init(step: 2, text: "x")])
    ]
    run.notes = [evil]
    run.summary = [
      "model": .string(evil), "outcome": .string(evil), "kernels": .string(evil),
      "memory_plan": .string(evil), "versions": .object(JSONObject([(evil, .string(evil))])),
    ]
    run.evaluation = ["loss": 1, "data": .string(evil)]
    for page in [RunPage.html(run), ComparisonPage.html([run, run, Self.full])] {
      #expect(faults(in: page) == [])
      #expect(!page.contains("<img") && !page.contains("\u{1}") && !page.contains("onerror=b>"))
      #expect(page.contains("&lt;/title&gt;&lt;script&gt;alert(&quot;x&quot;)"))
    }
    #expect(Markup.escaped("a<b>&\"'\n\u{0}é") == "a&lt;b&gt;&amp;&quot;&#39;\n\u{FFFD}é")
  }

  @Test("renders whatever a log holds", arguments: [0, 1, 2, 5, 399, 401])
  func anyNumberOfSteps(_ count: Int) {
    for validations in [0, 1, 2] {
      let run = Self.run(count, validations: min(count, validations))
      #expect(faults(in: RunPage.html(run)) == [])
      #expect(faults(in: ComparisonPage.html([run, Self.run(3)])) == [])
    }
  }

  @Test(
    "renders values that are missing, infinite, negative, equal or huge",
    arguments: [
      [Double.nan], [.nan, .nan, .nan], [1, .nan, 2], [.infinity, 1], [-.infinity], [0, 0, 0],
      [-3, 4], [1e308, -1e308], [Double.leastNonzeroMagnitude, 1], [2, 2, 2, 2], [.nan, 5, .nan],
    ])
  func anyValues(_ values: [Double]) {
    var run = RunRecord(name: "x")
    run.steps = values.enumerated().map { index, value in
      RunRecord.Step(
        step: index + 1, loss: value, learningRate: value, gradientNorm: value,
        tokensPerSecond: value, elapsedSeconds: value)
    }
    run.validations = values.enumerated().map { .init(step: $0.offset + 1, loss: $0.element) }
    run.retentions = values.enumerated().map { .init(step: $0.offset, loss: $0.element) }
    run.settings = [.init(key: "training.max_forgetting", value: "0.05")]
    run.data.layers = values.enumerated().map {
      .init(name: "model.layers.\($0.offset).q", weightNorm: 1, deltaNorm: $0.element)
    }
    run.data.rowLengths = [.init(value: 0, count: 0), .init(value: 1 << 40, count: 1 << 40)]
    #expect(faults(in: RunPage.html(run)) == [])
    #expect(faults(in: ComparisonPage.html([run, run])) == [])
  }

  @Test("folds the answers on the way up, where they say more than the last one")
  func answersOnTheWay() {
    let page = RunPage.html(Self.full)
    let folded = pieces(page, from: "<details>", to: "</details>")
    #expect(folded.count == 1)
    #expect(folded.first?.contains("2 answers on the way") == true)
    #expect(
      folded.first?.contains("from step 10</b><p class=\"text\" dir=\"auto\">Hello</p>") == true)
    #expect(folded.first?.contains("from step 30 <span class=\"same\">✓ as the reference") == true)

    var run = Self.full
    run.data.samples[0].history = [.init(step: 10, text: "Hi ")]
    #expect(!RunPage.html(run).contains("<details>"))
    let answers = (1...1_000).map { ReportData.Answer(step: $0, text: "\($0)") }
    run.data.samples[0].history = answers
    let long = RunPage.html(run)
    #expect(long.contains("30 of 1,000 answers on the way"))
    #expect(pieces(long, from: "<li><b>from step ", to: "</b>").count == 30)
    let thinned = AnswersSection.thinned(answers)
    #expect(thinned.first == answers.first && thinned.last == answers.last)
  }

  @Test("draws what was forgotten beside what may be")
  func retention() throws {
    var run = Self.full
    #expect(!RunPage.html(run).contains(">Retention<"))
    run.retentions = [(0, 2.0), (20, 2.1), (40, 2.06)].map { .init(step: $0, loss: $1) }
    func chart() throws -> String {
      let page = RunPage.html(run)
      #expect(faults(in: page) == [])
      return try #require(
        pieces(page, from: "<figure", to: "</figure>").first { $0.contains(">Retention<") })
    }
    #expect(try chart().contains("2.000 before, 2.060 after, +3.0 %</p>"))
    #expect(!(try chart().contains("line again")))
    run.settings.append(.init(key: "training.max_forgetting", value: "0.1"))
    let bounded = try chart()
    #expect(bounded.contains("2.060 after, +3.0 % of at most +10.0 %</p>"))
    #expect(bounded.contains("<path class=\"line again t1\""))
    #expect(bounded.contains("training.max_forgetting: 2 values, from 2.20 to 2.20"))
    run.summary["outcome"] = "stopped_forgetting"
    #expect(RunPage.html(run).contains("stopped, more than data.retention allows was forgotten"))
  }

  @Test("of 100,000 steps is still a small page that shows the highest peak")
  func manySteps() throws {
    var run = Self.run(100_000, validations: 2_000)
    run.steps[61_234].gradientNorm = 777
    let page = RunPage.html(run)
    #expect(page.utf8.count < 300_000, "\(page.utf8.count)")
    #expect(faults(in: page) == [])
    let chart = try #require(
      pieces(page, from: "<figure", to: "</figure>").first { $0.contains(">Gradient norm<") })
    #expect(chart.contains("greatest 777"))
    // The band reaches as far up as the value is.
    let axis = Axis.linear(0, 777)
    let top = try #require(axis.position(of: 777))
    #expect(chart.contains(" \(Markup.coordinate(1_000 * (1 - top)))L"))
  }

  @Test("the histogram counts every row once, in few bins")
  func histogramBins() {
    let counts = (1...2_000).map { Histogram.Count(value: $0, count: $0 % 5) }
    let histogram = Histogram(title: "", unit: "", xTitle: "", counts: counts)
    let (width, bins) = histogram.bins()
    #expect(width == 100)
    #expect(bins.count == 21)
    #expect(bins.reduce(0) { $0 + $1.count } == histogram.total)
    #expect(bins[0].count == (1...99).reduce(0) { $0 + $1 % 5 })
    #expect(
      Histogram(
        title: "", unit: "", xTitle: "",
        counts: [.init(value: 3, count: 1), .init(value: 9, count: 3)]
      ).quantile(0.5) == 9)
  }
}

@Suite("A page of several runs") struct ComparisonPageTests {
  @Test("names the settings that differ, and only those")
  func differences() {
    var (a, b, c) = (RunPageTests.run(5), RunPageTests.run(7), RunPageTests.run(9))
    b.settings[1].value = "8"
    b.settings.append(.init(key: "training.output_dir", value: "elsewhere"))
    c.settings.append(.init(key: "training.extra", value: "x"))
    let differing = ComparisonPage.differingSettings([a, b, c])
    #expect(differing.map(\.key) == ["lora.r", "training.extra"])
    #expect(differing.map(\.values) == [["16", "8", "16"], [nil, nil, "x"]])
    a.name = "same"
    b.name = "same"
    c.name = "other"
    #expect(ComparisonPage.distinctNames([a, b, c]) == ["same", "same (2)", "other"])
    let page = ComparisonPage.html([a, b, c])
    #expect(faults(in: page) == [])
    #expect(page.contains("same (2)</li>"))
  }

  @Test("compares what was forgotten, where that was measured")
  func retention() {
    var (a, b) = (RunPageTests.run(5), RunPageTests.run(7))
    #expect(!ComparisonPage.html([a, b]).contains("etention"))
    b.retentions = [.init(step: 0, loss: 2), .init(step: 5, loss: 1.9)]
    a.name = "unmeasured"
    let page = ComparisonPage.html([a, b])
    #expect(faults(in: page) == [])
    #expect(page.contains(">retention loss<") && page.contains("<td class=\"n\">−5.0 %</td>"))
    #expect(page.contains("a run: 2 values, from 0 to −5.00"))
    #expect(!page.contains("unmeasured: 0 values"))
  }

  @Test("has a colour or dashes for each of many runs")
  func manyRuns() {
    let runs = (0..<9).map { RunPageTests.run(20, validations: 2, name: "run \($0)") }
    let page = ComparisonPage.html(runs)
    #expect(faults(in: page) == [])
    #expect(page.contains("\"line t2 again\""))
    #expect(page.contains("The runs have the same configuration."))
  }
}
