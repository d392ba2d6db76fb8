import Reporting
import Serialization
import Testing

@Suite("A run's record") struct RunRecordTests {
  private func record(_ change: (inout RunRecord.Files) -> Void) -> RunRecord {
    var files = RunRecord.Files()
    change(&files)
    return RunRecord(name: "run", files: files)
  }

  @Test("has the steps and validations of metrics.jsonl, and says how many lines it could not read")
  func metrics() {
    let run = record {
      $0.metrics = Array(
        """
        {"step": 2, "loss": null, "learning_rate": 1e-4, "elapsed_seconds": 3}
        {"step": 1, "loss": 2.5, "grad_norm": 0.5, "tokens_per_second": 600}
        {"step": 2, "epoch": 0.5, "validation_loss": 1.25}
        {"step": 2, "retention_loss": 2.2}
        {"step": 0, "retention_loss": 2}
        {"step": 3, "loss": 1
        not JSON
        {"step": 3, "loss": 1.5}
        """.utf8)
    }
    #expect(run.steps.map(\.step) == [1, 2, 3])
    #expect(run.steps[1].loss.isNaN && run.steps[1].learningRate == 1e-4)
    #expect(run.validations == [.init(step: 2, loss: 1.25)])
    #expect(run.retentions == [.init(step: 0, loss: 2), .init(step: 2, loss: 2.2)])
    #expect(run.notes == ["2 lines of metrics.jsonl could not be read and are left out."])
    #expect(run.status == .unfinished)
    #expect(run.finalLoss == 1.5 && run.stepCount == 3 && run.seconds == 3)
    #expect(run.bestValidation == .init(step: 2, loss: 1.25))
    #expect(run.tokensPerSecond == 600)
  }

  @Test("has the configuration key by key, lists as they are written")
  func configuration() {
    let run = record {
      $0.configuration = Array(
        "model:\n  path: m.gguf\nlora:\n  r: 16\n  target_modules: [q_proj, v_proj]\n  rank_pattern: {}\ntraining:\n  lr_scheduler_kwargs:\n    power: 2\n  max_steps: null\n"
          .utf8)
    }
    #expect(
      run.settings.map { "\($0.key)=\($0.value)" } == [
        "model.path=m.gguf", "lora.r=16", "lora.target_modules=[q_proj, v_proj]",
        "lora.rank_pattern={}", "training.lr_scheduler_kwargs.power=2", "training.max_steps=null",
      ])
    #expect(run.setting("lora.r") == "16")
  }

  @Test("says which files are damaged, and goes without them")
  func damaged() {
    let run = record {
      $0.configuration = Array("a: [".utf8)
      $0.summary = Array("{".utf8)
      $0.data = [0xFF]
      $0.evaluation = Array("[1]".utf8)
    }
    #expect(run.notes.count == 3)
    #expect(run.notes.allSatisfy { $0.contains("is left out: line ") }, "\(run.notes)")
    #expect(run.settings.isEmpty && run.summary.isEmpty && run.data == ReportData())
    #expect(faults(in: RunPage.html(run)) == [])
  }

  @Test("does not take the summary of an earlier session for that of one that goes on")
  func staleSummary() {
    let summary = Array(#"{"outcome": "interrupted", "steps": 3}"#.utf8)
    func status(lastStep: Int) -> RunRecord.Status {
      record {
        $0.summary = summary
        $0.metrics = Array("{\"step\": \(lastStep), \"loss\": 1}".utf8)
      }.status
    }
    #expect(status(lastStep: 3) == .interrupted)
    #expect(status(lastStep: 4) == .unfinished)
  }

  @Test("report.json reads back as it was written")
  func reportDataRoundTrip() throws {
    var data = ReportData()
    data.model = "m \"quoted\""
    data.totalSteps = 450
    data.peakResidentBytes = 123_456_789
    data.threads = 2
    data.kernels = "avx512"
    data.versions = [.init(key: "lorikeet", value: "0.1.0")]
    data.rowLengths = [.init(value: 3, count: 1), .init(value: 70, count: 599)]
    data.layers = [.init(name: "model.layers.0.mlp.up_proj", weightNorm: 12.5, deltaNorm: 0.25)]
    data.layersStep = 150
    data.samples = [
      .init(
        source: "v.jsonl line 1", messages: [.init(role: "user", content: "a\nb")],
        reference: "é", base: "", tuned: nil,
        history: [.init(step: 50, text: "a"), .init(step: 150, text: "")]),
      .init(source: "", messages: []),
    ]
    data.samplesStep = 150
    #expect(ReportData(try JSON.parse(data.json.serialized())) == data)
    #expect(data.layers[0].relativeChange == 0.02)
    #expect(ReportData(ReportData().json) == ReportData())
    #expect(ReportData.Layer(name: "", weightNorm: 0, deltaNorm: 1).relativeChange == nil)
  }

  @Test("an answer is noted where it differs from the one before")
  func history() {
    var sample = ReportData.Sample(source: "", messages: [], reference: "b")
    let isNew = [(1, "a"), (2, "a"), (3, "b\n"), (4, "a")].map { step, text in
      sample.add(ReportData.Answer(step: step, text: text))
    }
    #expect(isNew == [true, false, true, true])
    #expect(sample.history.map(\.step) == [1, 3, 4])
    #expect(sample.tuned == "a")
    #expect(sample.isReference("b\n") && !sample.isReference("a") && !sample.isReference(nil))
  }

  @Test("a resumed run goes on with the answers up to its checkpoint, of the same prompts alone")
  func takesOver() {
    func sample(_ source: String, _ history: [ReportData.Answer] = []) -> ReportData.Sample {
      .init(
        source: source, messages: [.init(role: "user", content: source)],
        tuned: history.last?.text, history: history)
    }
    var earlier = ReportData()
    earlier.samples = [
      sample(
        "a", [.init(step: 5, text: "x"), .init(step: 10, text: "y"), .init(step: 15, text: "z")])
    ]
    earlier.samplesStep = 15
    var data = ReportData()
    data.samples = [sample("new"), sample("a")]
    data.takeOver(earlier, upTo: 12)
    #expect(data.samples[0].history.isEmpty && data.samples[0].tuned == nil)
    #expect(data.samples[1].history.map(\.text) == ["x", "y"])
    #expect(data.samples[1].tuned == "y" && data.samplesStep == 10)
    data.takeOver(earlier, upTo: 15)
    #expect(data.samples[1].tuned == "z" && data.samplesStep == 15)
  }

  @Test("forgetting is measured at the adapter that was kept, against the first measurement")
  func forgetting() throws {
    var run = RunRecord(name: "run")
    #expect(run.forgetting == nil)
    run.retentions = [(0, 2.0), (5, 2.02), (10, 2.2)].map { .init(step: $0, loss: $1) }
    #expect(try #require(run.forgetting).budget == nil)
    run.settings = [.init(key: "training.max_forgetting", value: "0.05")]
    let all = try #require(run.forgetting)
    #expect(all.before == 2 && all.after == 2.2)
    let bound = try #require(all.bound)
    #expect(abs(all.change - 0.1) < 1e-12 && abs(bound - 2.1) < 1e-12)

    run.summary = ["outcome": "stopped_forgetting", "best_validation_loss": 1, "best_step": 0]
    #expect(run.status == .forgot)
    #expect(run.forgetting?.after == 2.02 && run.keptStep == 5)
    run.settings.append(.init(key: "training.load_best_model_at_end", value: "true"))
    #expect(run.forgetting?.after == 2 && run.keptStep == 0)
    run.summary["outcome"] = "finished"
    run.summary["best_step"] = 7
    #expect(run.forgetting?.after == 2.02 && run.keptStep == 7)
  }

  @Test(
    "report.json of something else is taken for nothing",
    arguments: [
      "[]", "3",
      "{\"layers\": 4, \"samples\": [1], \"history\": 3, \"row_lengths\": [[1], [1, -2], 3, [\"a\", 2]], \"versions\": {\"a\": 1}}",
    ])
  func foreignReportData(_ text: String) throws {
    #expect(ReportData(try JSON.parse(text)) == ReportData())
  }
}
